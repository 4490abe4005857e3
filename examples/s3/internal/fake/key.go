package fake

import (
	"net/http"
	"slices"
)

// active is the status of every key: the store knows no other.
const active = "Active"

func (s *Store) createAccessKey(r *Request) *Answer {
	u := s.present().users[r.Name]
	switch {
	case u == nil:
		return noSuchEntity(r)
	case len(u.keys) >= mostKeys:
		return Refuse(r, http.StatusConflict, "LimitExceeded")
	}
	k := accessKey{id: "AKIA" + s.text(upper, 16), secret: s.text(anything, 40), date: s.now()}
	s.secrets = append(s.secrets, k.secret)
	next := *u
	next.keys = append(slices.Clone(u.keys), k)
	s.putUser(next)
	return result(r, struct {
		UserName        string `xml:"AccessKey>UserName"`
		AccessKeyID     string `xml:"AccessKey>AccessKeyId"`
		Status          string `xml:"AccessKey>Status"`
		SecretAccessKey string `xml:"AccessKey>SecretAccessKey"`
		CreateDate      string `xml:"AccessKey>CreateDate"`
	}{u.name, k.id, active, k.secret, k.date})
}

func (s *Store) listAccessKeys(r *Request) *Answer {
	u := s.seen(Keys).users[r.Name]
	if u == nil {
		return noSuchEntity(r)
	}
	type metadata struct {
		UserName, Status, CreateDate string

		AccessKeyID string `xml:"AccessKeyId"`
	}
	list, more := part(r, u.keys)
	shown := make([]metadata, 0, len(list))
	for _, k := range list {
		shown = append(shown, metadata{UserName: u.name, Status: active, CreateDate: k.date, AccessKeyID: k.id})
	}
	return result(r, struct {
		UserName string
		Keys     []metadata `xml:"AccessKeyMetadata>member"`
		page
	}{u.name, shown, more})
}

func (s *Store) deleteAccessKey(r *Request) *Answer {
	u, id := s.present().users[r.Name], r.Values.Get("AccessKeyId")
	if u == nil || !slices.ContainsFunc(u.keys, func(k accessKey) bool { return k.id == id }) {
		return noSuchEntity(r)
	}
	next := *u
	next.keys = slices.DeleteFunc(slices.Clone(u.keys), func(k accessKey) bool { return k.id == id })
	s.putUser(next)
	return result(r, nil)
}
