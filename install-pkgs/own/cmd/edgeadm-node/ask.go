package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"edgeadm/own/internal/kubeapi"
	"edgeadm/own/internal/litecache"
)

const (
	// lite-apiserver writes an entry shortly after it has forwarded the answer.
	settleTime = 2 * time.Second
	settlePoll = 20 * time.Millisecond
	// If a client disconnects during an answer, lite-apiserver stores the part of it that was sent (multiWrite in
	// pkg/lite-apiserver/proxy/util.go). Therefore the limit until the answer begins is short, see asKubelet, and
	// this limit is long.
	askPatience = time.Minute
)

// ownObject is an object of the cluster with the name of the node. A client reads it when it starts. At its first
// start on a node the object may not exist yet, and lite-apiserver does not store such an answer. At the next start
// without the cloud the client would receive status 404: kubelet exits then, because it cannot create its CSINode.
type ownObject struct {
	resource  string
	namespace string
	folder    string
	of        string // the client that reads it, even without a stored answer; empty: none
}

var ownObjects = []ownObject{
	{"nodes", "", "/api/v1/nodes/", ""},
	{"csinodes", "", "/apis/storage.k8s.io/v1/csinodes/", "kubelet_"},
	{"leases", "kube-node-lease", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/", "kubelet_"},
}

// asker reads the objects of this node through lite-apiserver with the identity of their clients. While the cloud is
// unreachable, lite-apiserver answers with the last answer from the cloud. Without further requests that is the
// answer to a client such as flanneld at its start, without the later changes of that client.
type asker struct {
	server, client, authority, node, cache string
}

// flags adds the required flags of an asker.
func (a *asker) flags(flags *flag.FlagSet) {
	flags.StringVar(&a.server, "server", "", "`URL` of lite-apiserver, https://HOST:PORT")
	flags.StringVar(&a.client, "client", "", "`file` with the client certificate and key of kubelet")
	flags.StringVar(&a.authority, "ca", "", "`file` with the CA of the cluster")
	flags.StringVar(&a.node, "node", "", "`name` of this node")
}

// given returns the number of its flags that are set, of four.
func (a *asker) given() int {
	count := 0
	for _, each := range []string{a.server, a.client, a.authority, a.node} {
		if each != "" {
			count++
		}
	}
	return count
}

const askFlags = 4

// askAnew reads each stored entry once.
func askAnew(args []string, out io.Writer) error {
	var a asker
	flags := newFlags("ask")
	a.flags(flags)
	flags.StringVar(&a.cache, "cache", defaultCache, "`directory` of the cache of lite-apiserver")
	if err := parse(flags, args); err != nil {
		return err
	}
	if a.given() != askFlags {
		return usage("--server, --client, --ca and --node are required")
	}
	entries, err := a.entries()
	if err != nil {
		return err
	}
	var failed error
	for _, each := range entries {
		written, err := a.ask(context.Background(), each)
		switch {
		case err != nil:
			failed = errors.Join(failed, fmt.Errorf("%s: %w", each.Key, err))
		case written == nil:
			fmt.Fprintf(out, "%s: requested, but not updated: the cloud may be unreachable\n", each.Key)
		default:
			fmt.Fprintf(out, "%s: requested and updated\n", each.Key)
		}
	}
	if len(entries) == 0 {
		fmt.Fprintf(out, "no client has requested the Node %s yet\n", a.node)
	}
	return failed
}

// entries returns the entries that contain an object of this node only. Entries that a client will read and that do
// not exist have no file.
func (a *asker) entries() ([]litecache.Found, error) {
	found, err := litecache.Find(a.cache, func(name litecache.Name) bool {
		return name.Verb == litecache.VerbGet && objectOf(name) != nil && name.Object == a.node && name.Subresource == ""
	})
	if err != nil {
		return nil, err
	}
	for _, each := range ownObjects {
		found = append(found, a.lacking(each, found)...)
	}
	return found, nil
}

// lacking returns the entries of an object that its clients have not read. A client is known by its entry of the
// Node.
func (a *asker) lacking(object ownObject, found []litecache.Found) []litecache.Found {
	var lacking []litecache.Found
	for _, each := range found {
		if object.of == "" || each.Resource != "nodes" || !strings.HasPrefix(each.UserAgent, object.of) {
			continue
		}
		name := each.Name
		name.Resource, name.Namespace = object.resource, object.namespace
		has := func(other litecache.Found) bool { return other.Name == name }
		if !slices.ContainsFunc(found, has) {
			lacking = append(lacking, litecache.Found{Key: name.Key(), Name: name})
		}
	}
	return lacking
}

func objectOf(name litecache.Name) *ownObject {
	for i, each := range ownObjects {
		if each.resource == name.Resource && each.namespace == name.Namespace {
			return &ownObjects[i]
		}
	}
	return nil
}

// ask sends the request of the client of the entry. It returns the new file of the entry; nil if the answer was the
// entry itself. It reads the certificates each time, because kubelet renews its own several times a year.
func (a *asker) ask(ctx context.Context, entry litecache.Found) (fs.FileInfo, error) {
	roots, err := kubeapi.ReadAuthorities(a.authority)
	if err != nil {
		return nil, err
	}
	lite, err := asKubelet(a.server, a.client, roots)
	if err != nil {
		return nil, err
	}
	lite.Timeout = askPatience
	defer lite.Transport.CloseIdleConnections()
	address := a.server + objectOf(entry.Name).folder + url.PathEscape(a.node)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	a.disguise(request, entry)
	reply, err := lite.Do(request)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		return nil, err
	}
	if reply.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d: %.500s", reply.StatusCode, body)
	}
	return a.settled(ctx, entry, body), nil
}

// disguise sends the request with the identity of the client of the entry. The name of the entry is the first word of
// the User-Agent with `_` instead of `/` (getUserAgent in pkg/lite-apiserver/cache/cache_mgr.go, oneFileName in
// file_storage.go); names of programs contain no `_` before their version. The client must be able to read the
// answer, so the request has the content type of the stored answer; a large answer is compressed only if the stored
// answer is.
func (a *asker) disguise(request *http.Request, entry litecache.Found) {
	request.Header.Set("User-Agent", strings.Replace(entry.UserAgent, "_", "/", 1))
	request.Header.Set("Accept", "application/json")
	before, err := litecache.Read(a.cache, entry.Key)
	if kind := before.Header.Get("Content-Type"); err == nil && kind != "" {
		request.Header.Set("Accept", kind)
	}
	if before.Header.Get("Content-Encoding") != "gzip" {
		request.Header.Set("Accept-Encoding", "identity")
	}
}

// settled waits until the entry contains the answer, and returns its file.
func (a *asker) settled(ctx context.Context, entry litecache.Found, body []byte) fs.FileInfo {
	for end := time.Now().Add(settleTime); ctx.Err() == nil && time.Now().Before(end); time.Sleep(settlePoll) {
		info, err := os.Lstat(filepath.Join(a.cache, entry.Key))
		if err != nil || (entry.Info != nil && litecache.SameFile(info, entry.Info)) {
			continue
		}
		if found, err := litecache.Read(a.cache, entry.Key); err == nil && bytes.Equal(found.Body, body) {
			return info
		}
	}
	return nil
}
