// Package litecache reads lite-apiserver's cache, and keeps a copy of it that remains valid after a power cut.
//
// The comments about the cache describe SuperEdge v0.9.0. It writes an entry to a file in the same directory, with
// the name of the entry, `_` and twelve random characters, and renames it without a flush (writeFile in
// pkg/lite-apiserver/storage/file_storage.go). After a power cut the entry may be empty, zeroed or truncated, or only
// the file with the twelve characters may exist. Entries are never removed (Delete there is empty).
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

// A final name ends with `_list` or with a subresource, and no subresource has twelve characters.
var halfWritten = regexp.MustCompile(`_[0-9a-z]{12}$`)

// temporary returns whether lite-apiserver writes to a file with this name before it renames it.
func temporary(name string) bool { return halfWritten.MatchString(name) }

// The verbs of the requests that entries answer.
const (
	VerbGet  = "get"
	VerbList = "list"
)

// Name has the parts of the name of an entry: the client, the namespace, the resource, the object and the
// subresource, separated by `_`, which also replaces each `/`, then `_list` for a list (cacheKey and getUserAgent in
// pkg/lite-apiserver/cache/cache_mgr.go, listFileName in file_storage.go). Only the client may contain a `_`.
type Name struct {
	UserAgent   string `json:"userAgent"`
	Namespace   string `json:"namespace"`
	Resource    string `json:"resource"`
	Object      string `json:"name"`
	Subresource string `json:"subresource"`
	Verb        string `json:"verb"`
}

// Key returns the file name of the entry.
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

// The largest answer that is decompressed.
const mostUnpacked = 1 << 28

// Answer is the answer of an entry; the body is decompressed.
type Answer struct {
	Header http.Header
	Body   []byte
}

// whole returns the reason why an entry cannot be used; nil if lite-apiserver can answer with it.
func whole(data []byte) error {
	_, err := answer(data)
	return err
}

// answer reads an entry. It is one JSON document with the status, the headers and the body of an answer (EdgeCache in
// pkg/lite-apiserver/cache/cache.go). Only answers with status 200 are stored (modifyResponse in
// pkg/lite-apiserver/proxy/proxy.go). The body is as the API server sent it: compressed if it is large and the client
// accepts that.
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
		return Answer{}, errors.New("its body is not JSON")
	}
	return found, nil
}

// JSON returns whether the body is in JSON, and not in the binary format of the API server.
func (a Answer) JSON() bool { return strings.Contains(a.Header.Get("Content-Type"), "json") }
