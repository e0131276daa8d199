// Package litecache reads lite-apiserver's cache, and keeps a copy of it that can be trusted after a power cut.
//
// What is said here of the cache is how SuperEdge v0.9.0 writes it. An entry is written to a file beside it, named
// after it with `_` and twelve random characters, and then renamed, without any flush to the disk (writeFile in
// pkg/lite-apiserver/storage/file_storage.go): after a power cut it may be empty, zeroed or cut short, and the
// twelve characters may be all that is there. No entry is ever removed (Delete there does nothing).
package litecache

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// A finished name ends with `_list` or with a subresource, and none has twelve characters.
var halfWritten = regexp.MustCompile(`_[0-9a-z]{12}$`)

// temporary tells that a name is one that lite-apiserver writes to before it renames.
func temporary(name string) bool { return halfWritten.MatchString(name) }

// What an entry answers.
const (
	VerbGet  = "get"
	VerbList = "list"
)

// Name is what the name of an entry says. It is the client, the namespace, the resource, the object and the
// subresource with `_` between them and for each `/`, then `_list` for a list (cacheKey and getUserAgent in
// pkg/lite-apiserver/cache/cache_mgr.go, listFileName in file_storage.go). Only the client may have a `_` in it.
type Name struct {
	UserAgent   string `json:"userAgent"`
	Namespace   string `json:"namespace"`
	Resource    string `json:"resource"`
	Object      string `json:"name"`
	Subresource string `json:"subresource"`
	Verb        string `json:"verb"`
}

// Key is the name of the entry's file.
func (n Name) Key() string {
	key := strings.Join([]string{n.UserAgent, n.Namespace, n.Resource, n.Object, n.Subresource}, "_")
	if n.Verb == VerbList {
		key += "_list"
	}
	return key
}

func parseName(file string) Name {
	key, list := strings.CutSuffix(file, "_list")
	found := Name{Verb: VerbGet}
	if list {
		found.Verb = VerbList
	}
	for _, into := range []*string{&found.Subresource, &found.Object, &found.Resource, &found.Namespace} {
		at := strings.LastIndexByte(key, '_')
		if at < 0 {
			return Name{UserAgent: file, Verb: found.Verb}
		}
		key, *into = key[:at], key[at+1:]
	}
	found.UserAgent = key
	return found
}

// The largest answer that is unpacked to look at it.
const mostUnpacked = 1 << 28

// Answer is what an entry answers with; the body is unpacked.
type Answer struct {
	Header http.Header
	Body   []byte
}

// whole says why an entry is of no use; nil if lite-apiserver can answer with it.
func whole(data []byte) error {
	_, err := answer(data)
	return err
}

// answer reads an entry. It is one JSON document with the status, the headers and the body of an answer (EdgeCache in
// pkg/lite-apiserver/cache/cache.go). Only answers with status 200 are kept (modifyResponse in
// pkg/lite-apiserver/proxy/proxy.go), and the body comes as the API server sent it: packed, if it is large and the
// client takes it so.
func answer(data []byte) (Answer, error) {
	var entry struct {
		Code   int         `json:"code"`
		Header http.Header `json:"header"`
		Body   []byte      `json:"body"`
	}
	if len(data) == 0 {
		return Answer{}, errors.New("it is empty")
	}
	if err := json.Unmarshal(data, &entry); err != nil {
		return Answer{}, err
	}
	if entry.Code != http.StatusOK {
		return Answer{}, fmt.Errorf("its status is %d", entry.Code)
	}
	if len(entry.Body) == 0 {
		return Answer{}, errors.New("it has no body")
	}
	found := Answer{entry.Header, entry.Body}
	if entry.Header.Get("Content-Encoding") == "gzip" {
		packed, err := gzip.NewReader(bytes.NewReader(found.Body))
		if err != nil {
			return Answer{}, fmt.Errorf("its body: %w", err)
		}
		if found.Body, err = io.ReadAll(io.LimitReader(packed, mostUnpacked)); err != nil {
			return Answer{}, fmt.Errorf("its body: %w", err)
		}
	}
	if found.JSON() && !json.Valid(found.Body) {
		return Answer{}, errors.New("its body is no JSON")
	}
	return found, nil
}

// JSON tells whether the body is in JSON, and not in the API server's binary form.
func (a Answer) JSON() bool { return strings.Contains(a.Header.Get("Content-Type"), "json") }
