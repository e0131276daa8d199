package main

import (
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
)

// isForTheAPI tells what the wrapper cannot answer: it knows no list of nodes, without which kube-proxy waits for ever,
// and passes on what it does not know with the rights of who asks, which kube-proxy does not show it.
func isForTheAPI(path string) bool {
	if path == "/api/v1/nodes" || strings.HasPrefix(path, "/api/v1/nodes/") {
		return true
	}
	for _, group := range []string{"/apis/networking.k8s.io/", "/apis/events.k8s.io/"} {
		if strings.HasPrefix(path, group) {
			return true
		}
	}
	return strings.HasPrefix(path, "/api/v1/") && strings.HasSuffix(path, "/events")
}

// newSplitter sends requests to the API as this Pod, and all others to the wrapper as they are.
func newSplitter(cluster *api, wrapper *url.URL) (http.Handler, error) {
	server, err := url.Parse(cluster.server)
	if err != nil {
		return nil, err
	}
	refuse := func(answer http.ResponseWriter, request *http.Request, err error) {
		log.Printf("%s %s: %v", request.Method, request.URL.Path, err)
		answer.WriteHeader(http.StatusBadGateway)
	}
	proxy := func(transport http.RoundTripper, rewrite func(*httputil.ProxyRequest)) *httputil.ReverseProxy {
		// Watches are answered in pieces, which must not be kept back.
		return &httputil.ReverseProxy{
			Transport: transport, FlushInterval: -1, Rewrite: rewrite, ErrorHandler: refuse,
		}
	}
	toAPI := proxy(cluster.transport, func(request *httputil.ProxyRequest) {
		request.SetURL(server)
		request.Out.Host = server.Host
	})
	toWrapper := proxy(http.DefaultTransport, func(request *httputil.ProxyRequest) { request.SetURL(wrapper) })
	return http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		if !isForTheAPI(request.URL.Path) {
			toWrapper.ServeHTTP(answer, request)
			return
		}
		token, err := cluster.token()
		if err != nil {
			refuse(answer, request, err)
			return
		}
		request.Header.Set("Authorization", "Bearer "+token)
		toAPI.ServeHTTP(answer, request)
	}), nil
}
