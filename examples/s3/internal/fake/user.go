package fake

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What IAM allows a user to have.
const (
	mostKeys = 2
	mostTags = 50
)

// tagForm is what IAM takes as a tag: its key, a line break, its value.
var tagForm = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}\n[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$`)

type xmlTag struct{ Key, Value string }

type xmlUser struct {
	Path, UserName, UserId, Arn, CreateDate string //nolint:revive // IAM's names

	Tags []xmlTag `xml:"Tags>member,omitempty"`
}

func (u *user) xml(tags bool) xmlUser {
	x := xmlUser{
		Path: u.path, UserName: u.name, UserId: u.id, CreateDate: u.date,
		Arn: "arn:aws:iam::123456789012:user" + u.path + u.name,
	}
	if tags {
		x.Tags = sortedTags(u.tags)
	}
	return x
}

func sortedTags(tags map[string]string) []xmlTag {
	list := make([]xmlTag, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, xmlTag{key, tags[key]})
	}
	return list
}

// now is a moment after the one of everything that was made before.
func (s *Store) now() string {
	s.made++
	return time.Date(2026, 1, 1, 0, 0, s.made, 0, time.UTC).Format(time.RFC3339)
}

// members returns the values of a list in an IAM action's form.
func members(form url.Values, name, field string) []string {
	var list []string
	for i := 1; ; i++ {
		key := name + ".member." + strconv.Itoa(i) + field
		if !form.Has(key) {
			return list
		}
		list = append(list, form.Get(key))
	}
}

// formTags returns the tags of a form, or an error's code.
func formTags(form url.Values) (tags map[string]string, code string) {
	tags = map[string]string{}
	values := members(form, "Tags", ".Value")
	for i, key := range members(form, "Tags", ".Key") {
		if i >= len(values) || !tagForm.MatchString(key+"\n"+values[i]) {
			return nil, "ValidationError"
		}
		tags[key] = values[i]
	}
	return tags, ""
}

func (s *Store) createUser(r *Request) *Answer {
	tags, code := formTags(r.Values)
	switch {
	case code != "":
		return Refuse(r, http.StatusBadRequest, code)
	case s.present().users[r.Name] != nil:
		return Refuse(r, http.StatusConflict, "EntityAlreadyExists")
	}
	u := user{name: r.Name, path: r.Values.Get("Path"), id: "AIDA" + s.text(upper, 16), date: s.now(), tags: tags}
	if u.path == "" || s.Drops.Path {
		u.path = "/"
	}
	if s.Drops.Tags {
		u.tags = nil
	}
	s.putUser(u)
	return result(r, struct{ User xmlUser }{u.xml(true)})
}

func noSuchEntity(r *Request) *Answer { return Refuse(r, http.StatusNotFound, "NoSuchEntity") }

func (s *Store) getUser(r *Request) *Answer {
	u := s.seen(User).users[r.Name]
	if u == nil {
		return noSuchEntity(r)
	}
	return result(r, struct{ User xmlUser }{u.xml(true)})
}

// page is the part of a list that an answer holds.
type page struct {
	IsTruncated bool
	Marker      string `xml:",omitempty"`
}

// part returns a part of a list of IAM's, as the request asks for it.
func part[T any](r *Request, list []T) ([]T, page) {
	first, _ := strconv.Atoi(r.Values.Get("Marker"))
	most, err := strconv.Atoi(r.Values.Get("MaxItems"))
	if err != nil {
		most = 100
	}
	first = min(first, len(list))
	if end := first + most; end < len(list) {
		return list[first:end], page{true, strconv.Itoa(end)}
	}
	return list[first:], page{}
}

func (s *Store) listUsers(r *Request) *Answer {
	seen := s.seen(Users).users
	var list []xmlUser
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		if strings.HasPrefix(seen[name].path, r.Values.Get("PathPrefix")) {
			list = append(list, seen[name].xml(false))
		}
	}
	list, more := part(r, list)
	return result(r, struct {
		Users []xmlUser `xml:"Users>member"`
		page
	}{list, more})
}

func (s *Store) deleteUser(r *Request) *Answer {
	u := s.present().users[r.Name]
	switch {
	case u == nil:
		return noSuchEntity(r)
	case len(u.keys)+len(u.policies) > 0:
		return Refuse(r, http.StatusConflict, "DeleteConflict")
	}
	s.write(func(next *state) { delete(next.users, r.Name) })
	return result(r, nil)
}

func (s *Store) tagUser(r *Request) *Answer {
	u := s.present().users[r.Name]
	tags, code := formTags(r.Values)
	switch {
	case code != "":
		return Refuse(r, http.StatusBadRequest, code)
	case u == nil:
		return noSuchEntity(r)
	}
	next := *u
	next.tags = map[string]string{}
	maps.Copy(next.tags, u.tags)
	maps.Copy(next.tags, tags)
	if len(next.tags) > mostTags {
		return Refuse(r, http.StatusConflict, "LimitExceeded")
	}
	s.putUser(next)
	return result(r, nil)
}

func (s *Store) untagUser(r *Request) *Answer {
	u := s.present().users[r.Name]
	if u == nil {
		return noSuchEntity(r)
	}
	next := *u
	next.tags = maps.Clone(u.tags)
	for _, key := range members(r.Values, "TagKeys", "") {
		delete(next.tags, key)
	}
	s.putUser(next)
	return result(r, nil)
}

func (s *Store) listUserTags(r *Request) *Answer {
	u := s.seen(User).users[r.Name]
	if u == nil {
		return noSuchEntity(r)
	}
	list, more := part(r, sortedTags(u.tags))
	return result(r, struct {
		Tags []xmlTag `xml:"Tags>member"`
		page
	}{list, more})
}

// String tells what a user has.
func (u *user) String() string {
	ids := make([]string, 0, len(u.keys))
	for _, k := range u.keys {
		ids = append(ids, k.id)
	}
	return fmt.Sprintf("user %s%s, keys %v, policies %v, tags %v", u.path, u.name, ids, slices.Sorted(maps.Keys(u.policies)), slices.Sorted(maps.Keys(u.tags)))
}
