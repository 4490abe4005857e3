package fake

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// policy is what an inline policy of the form that the driver writes allows.
type policy struct {
	Statement []struct {
		Effect   string   `json:"Effect"`
		Resource string   `json:"Resource"`
		Action   []string `json:"Action"`
	} `json:"Statement"`
}

// parsed returns a policy by its text; nil if it is none.
func (s *Store) parsed(text string) *policy {
	if p, known := s.policies[text]; known {
		return p
	}
	p := &policy{}
	if err := json.Unmarshal([]byte(text), p); err != nil || len(p.Statement) == 0 {
		p = nil
	}
	s.policies[text] = p
	return p
}

func (p *policy) allows(action, resource string) bool {
	for _, s := range p.Statement {
		prefix, open := strings.CutSuffix(s.Resource, "*")
		covered := s.Resource == resource || open && strings.HasPrefix(resource, prefix)
		if s.Effect == "Allow" && covered && slices.Contains(s.Action, action) {
			return true
		}
	}
	return false
}

func (s *Store) putUserPolicy(r *Request) *Answer {
	u, text := s.present().users[r.Name], r.Values.Get("PolicyDocument")
	switch {
	case u == nil:
		return noSuchEntity(r)
	case s.parsed(text) == nil:
		return Refuse(r, http.StatusBadRequest, "MalformedPolicyDocument")
	}
	next := *u
	next.policies = map[string]string{}
	maps.Copy(next.policies, u.policies)
	next.policies[r.Values.Get("PolicyName")] = text
	s.putUser(next)
	return result(r, nil)
}

func (s *Store) getUserPolicy(r *Request) *Answer {
	name := r.Values.Get("PolicyName")
	u := s.seen(Policies).users[r.Name]
	if u == nil || u.policies[name] == "" {
		return noSuchEntity(r)
	}
	return result(r, struct{ UserName, PolicyName, PolicyDocument string }{u.name, name, url.QueryEscape(u.policies[name])})
}

func (s *Store) listUserPolicies(r *Request) *Answer {
	u := s.seen(Policies).users[r.Name]
	if u == nil {
		return noSuchEntity(r)
	}
	list, more := part(r, slices.Sorted(maps.Keys(u.policies)))
	return result(r, struct {
		Names []string `xml:"PolicyNames>member"`
		page
	}{list, more})
}

func (s *Store) deleteUserPolicy(r *Request) *Answer {
	u, name := s.present().users[r.Name], r.Values.Get("PolicyName")
	if u == nil || u.policies[name] == "" {
		return noSuchEntity(r)
	}
	next := *u
	next.policies = maps.Clone(u.policies)
	delete(next.policies, name)
	s.putUser(next)
	return result(r, nil)
}
