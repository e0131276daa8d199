package main

import (
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"edgeadm/own/internal/kubeapi"
)

// isForTheAPI returns whether the API server answers the path instead of the wrapper. The wrapper has no list of Nodes,
// which kube-proxy waits for without limit. It forwards unknown paths with the credentials of the client, and
// kube-proxy sends it none.
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

// newSplitter returns a proxy that sends requests for the API server with the token of this Pod, and all others to the
// wrapper unchanged.
func newSplitter(cluster *kubeapi.Client, wrapper *url.URL) (http.Handler, error) {
	server, err := url.Parse(cluster.Server)
	if err != nil {
		return nil, err
	}
	refuse := func(answer http.ResponseWriter, request *http.Request, err error) {
		log.Printf("%s %s: %v", request.Method, request.URL.Path, err)
		answer.WriteHeader(http.StatusBadGateway)
	}
	proxy := func(transport http.RoundTripper, rewrite func(*httputil.ProxyRequest)) *httputil.ReverseProxy {
		// Events of a watch are forwarded without delay.
		return &httputil.ReverseProxy{
			Transport: transport, FlushInterval: -1, Rewrite: rewrite, ErrorHandler: refuse,
		}
	}
	toAPI := proxy(cluster.Transport, func(request *httputil.ProxyRequest) {
		request.SetURL(server)
		request.Out.Host = server.Host
	})
	toWrapper := proxy(http.DefaultTransport, func(request *httputil.ProxyRequest) { request.SetURL(wrapper) })
	return http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		if !isForTheAPI(request.URL.Path) {
			toWrapper.ServeHTTP(answer, request)
			return
		}
		token, err := cluster.Token()
		if err != nil {
			refuse(answer, request, err)
			return
		}
		request.Header.Set("Authorization", "Bearer "+token)
		toAPI.ServeHTTP(answer, request)
	}), nil
}
