package driver_test

import (
	"encoding/json"
	"net/http"

	"github.com/doomshrine/gocosi/examples/s3/driver"
)

// otherCephUsers are successes of Ceph's for somebody else than was asked for, or without a key.
func otherCephUsers() (list []matrixFault) {
	for _, row := range []struct {
		name   string
		class  class
		change func(user map[string]any)
	}{
		{"success for another user", anotherUser, func(user map[string]any) { user["user_id"] = "other" }},
		{"success without the key", keyless, func(user map[string]any) { user["keys"] = []any{} }},
		{"success without the secret", anotherUser, func(user map[string]any) { user["keys"] = []any{map[string]any{"access_key": "OTHER"}} }},
	} {
		list = append(list, matrixFault{
			name: row.name, class: row.class, kind: driver.Ceph, only: ofAdmin, at: []string{"CreateUser", "GetUser"}, give: changedUser(row.change),
		})
	}
	return list
}

// changedUser lets the store act, and changes the user that it answers with. Where it refuses, it answers as if it had not.
func changedUser(change func(user map[string]any)) func(seen, http.ResponseWriter, *http.Request) {
	return func(q seen, w http.ResponseWriter, r *http.Request) {
		a := q.answer(r)
		user := map[string]any{}
		if a.status != http.StatusOK || json.Unmarshal(a.body, &user) != nil {
			query := r.URL.Query()
			user = map[string]any{
				"user_id": query.Get("uid"), "display_name": query.Get("display-name"),
				"keys": []any{map[string]any{"access_key": "OTHER", "secret_key": "of nobody"}},
			}
		}
		change(user)
		body, err := json.Marshal(user)
		if err != nil {
			panic(err)
		}
		a.status, a.body = http.StatusOK, body
		rewritten(w, a)
	}
}
