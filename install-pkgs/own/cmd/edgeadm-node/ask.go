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
	// Lite-apiserver writes an entry after it has passed on the answer, so a little later.
	settleTime = 2 * time.Second
	settlePoll = 20 * time.Millisecond
	// Whoever hangs up in the middle of an answer has lite-apiserver keep the half of it (multiWrite in
	// pkg/lite-apiserver/proxy/util.go). So the limit for the beginning is short, see asKubelet, and this one is not.
	askPatience = time.Minute
)

// ownObject is an object of the cluster that has the name of the node. A client asks for it when it starts; at its
// first start on a node the object may not be there yet, and lite-apiserver keeps no answer that says so. At the next
// start without the cloud the client would be told that there is none: kubelet exits then, as it cannot create its
// CSINode.
type ownObject struct {
	resource  string
	namespace string
	folder    string
	of        string // the client that asks for it, though it may never have had an answer; empty: none
}

var ownObjects = []ownObject{
	{"nodes", "", "/api/v1/nodes/", ""},
	{"csinodes", "", "/apis/storage.k8s.io/v1/csinodes/", "kubelet_"},
	{"leases", "kube-node-lease", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/", "kubelet_"},
}

// asker asks lite-apiserver for the objects of this node in the name of those who ask for them. What a client like
// flanneld asked for once, when it started, is what it is answered with for as long as the cloud is away; what it wrote
// to the Node after that is not in there before somebody asks again.
type asker struct {
	server, client, authority, node, cache string
}

// flags are what an asker needs to know; all or nothing.
func (a *asker) flags(flags *flag.FlagSet) {
	flags.StringVar(&a.server, "server", "", "lite-apiserver, as https://HOST:PORT")
	flags.StringVar(&a.client, "client", "", "file with the certificate and key that the kubelet logs in with")
	flags.StringVar(&a.authority, "ca", "", "file with the cluster's CA")
	flags.StringVar(&a.node, "node", "", "name of this node")
}

// given counts how many of its flags are given, of four.
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

// askAnew asks once for all entries that there are.
func askAnew(args []string, out io.Writer) error {
	var a asker
	flags := newFlags("ask")
	a.flags(flags)
	flags.StringVar(&a.cache, "cache", defaultCache, "folder of lite-apiserver's cache")
	if err := parse(flags, args); err != nil {
		return err
	}
	if a.given() != askFlags {
		return usage("--server, --client, --ca and --node are all needed")
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
			fmt.Fprintf(out, "%s: asked, but not written anew: the cloud may be away\n", each.Key)
		default:
			fmt.Fprintf(out, "%s: asked and written anew\n", each.Key)
		}
	}
	if len(entries) == 0 {
		fmt.Fprintf(out, "nobody has asked for the Node %s yet\n", a.node)
	}
	return failed
}

// entries are those that answer with an object of this node alone. Those that a client will ask for and that are not
// there come without a file.
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

// lacking are the entries of an object that its clients lack. They are known by having asked for the Node.
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

// ask asks as the client of the entry did. It returns the entry's new file; nil if none came, as the answer was the
// entry itself. Certificates are read each time, because the kubelet's is a new one several times a year.
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

// disguise makes the request one of the entry's client. The entry is named after what the User-Agent says before the
// first blank, with `_` for `/` (getUserAgent in pkg/lite-apiserver/cache/cache_mgr.go, oneFileName in
// file_storage.go); names of programs have no `_` before their version. What is answered has to be something that the
// client understands, so it is asked for in the form that it took before; a large answer comes packed to those alone
// who had it packed.
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

// settled waits until the entry is what was answered.
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
