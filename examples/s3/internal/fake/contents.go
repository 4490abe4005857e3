package fake

import (
	"fmt"
	"slices"
)

// contents is what a bucket holds. It is never late.
type contents struct {
	versions map[string][]version // of each key, the newest one last
	order    []string             // the keys, sorted, and some that are gone
	added    []string             // keys that are not in order yet
	uploads  []upload             // sorted
	refused  map[string]string    // codes that deleting a key is answered with
	made     int
}

type version struct {
	id     string
	marker bool // a delete marker
}

type upload struct{ key, id string }

// null is the id of the version that an object has where no versions are kept.
const null = "null"

func newContents() *contents {
	return &contents{versions: map[string][]version{}, refused: map[string]string{}}
}

func (c *contents) empty() bool { return len(c.versions)+len(c.uploads) == 0 }

// add puts a version of an object on top of the others, or in the place of the only one.
func (c *contents) add(key string, keep, marker bool) (id string) {
	c.made++
	id = null
	if keep {
		id = fmt.Sprintf("v%09d", c.made)
	} else {
		c.remove(key, null)
	}
	if len(c.versions[key]) == 0 {
		c.added = append(c.added, key)
	}
	c.versions[key] = append(c.versions[key], version{id, marker})
	return id
}

func (c *contents) remove(key, id string) {
	left := slices.DeleteFunc(c.versions[key], func(v version) bool { return v.id == id })
	c.versions[key] = left
	if len(left) == 0 {
		delete(c.versions, key)
	}
}

// delete does what S3 does with an object; it returns the code of a refusal, or "".
func (c *contents) delete(key, id string, keep bool) (code string) {
	switch {
	case c.refused[key] != "":
		return c.refused[key]
	case id != "":
		c.remove(key, id)
	case keep:
		c.add(key, true, true)
	default:
		c.remove(key, null)
	}
	return ""
}

// keys returns all keys, sorted. Keys at the front that are gone are dropped, so that emptying from the front is cheap.
func (c *contents) keys() []string {
	if len(c.added) > 0 || len(c.order) > 2*len(c.versions)+1000 {
		c.order = slices.DeleteFunc(append(c.order, c.added...), func(key string) bool { return len(c.versions[key]) == 0 })
		c.added = nil
		slices.Sort(c.order)
		c.order = slices.Compact(c.order)
	}
	for len(c.order) > 0 && len(c.versions[c.order[0]]) == 0 {
		c.order = c.order[1:]
	}
	return c.order
}

// entry is a version in a listing.
type entry struct {
	key, id        string
	marker, latest bool
}

// list returns the versions after a marker, at most so many, and says whether there are more.
func (c *contents) list(key, id string, most int) (list []entry, more bool) {
	keys := c.keys()
	first, found := slices.BinarySearch(keys, key)
	if found && id == "" {
		first++
	}
	for _, k := range keys[first:] {
		of := c.versions[k]
		for i, v := range slices.Backward(of) {
			if k == key && id != "" && (v.id >= id) {
				continue
			}
			if len(list) == most {
				return list, true
			}
			list = append(list, entry{k, v.id, v.marker, i == len(of)-1})
		}
	}
	return list, false
}

func (c *contents) abort(u upload) bool {
	at := slices.Index(c.uploads, u)
	if at >= 0 {
		c.uploads = slices.Delete(c.uploads, at, at+1)
	}
	return at >= 0
}
