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
	"strings"
	"time"

	"edgeadm/edgeadm-node/internal/litecache"
)

const (
	// Lite-apiserver writes an entry after it has passed on the answer, so a little later.
	settleTime = 2 * time.Second
	settlePoll = 20 * time.Millisecond
	// Whoever hangs up in the middle of an answer has lite-apiserver keep the half of it (multiWrite in
	// pkg/lite-apiserver/proxy/util.go). So the limit for the beginning is short, see asKubelet, and this one is not.
	askPatience = time.Minute
)

// asker asks lite-apiserver for this node's Node in the name of those who asked before. What a client like flanneld
// asked for once, when it started, is what it is answered with for as long as the cloud is away; what it wrote to the
// Node after that is not in there before somebody asks again.
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

// entries are those that answer with this node's Node alone.
func (a *asker) entries() ([]litecache.Found, error) {
	return litecache.Find(a.cache, func(name litecache.Name) bool {
		return name.Verb == litecache.VerbGet && name.Resource == "nodes" && name.Object == a.node &&
			name.Namespace == "" && name.Subresource == ""
	})
}

// ask asks as the client of the entry did. It returns the entry's new file; nil if none came, as the answer was the
// entry itself. Certificates are read each time, because the kubelet's is a new one several times a year.
func (a *asker) ask(ctx context.Context, entry litecache.Found) (fs.FileInfo, error) {
	roots, err := readAuthority(a.authority)
	if err != nil {
		return nil, err
	}
	lite, err := asKubelet(a.server, a.client, roots)
	if err != nil {
		return nil, err
	}
	lite.client.Timeout = askPatience
	defer lite.client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.server+"/api/v1/nodes/"+url.PathEscape(a.node), nil)
	if err != nil {
		return nil, err
	}
	a.disguise(request, entry)
	reply, err := lite.client.Do(request)
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
		if err != nil || litecache.SameFile(info, entry.Info) {
			continue
		}
		if found, err := litecache.Read(a.cache, entry.Key); err == nil && bytes.Equal(found.Body, body) {
			return info
		}
	}
	return nil
}
