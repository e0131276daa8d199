package podlist

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const entry = "kubelet_v1.34.4__pods___list"

const two = `{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[
{"metadata":{"name":"web-0","namespace":"shop","uid":"u1","deletionTimestamp":"2026-05-01T00:00:00Z"},
 "spec":{"volumes":[{"name":"a","emptyDir":{}},{"name":"t","projected":{"sources":[{"configMap":{"name":"c"}},{"serviceAccountToken":{"path":"token"}}]}}],
  "initContainers":[{"name":"i","image":"busybox:1","imagePullPolicy":"Always"}],
  "containers":[{"name":"c","image":"nginx:1.27","imagePullPolicy":"IfNotPresent"},{"name":"d","image":"nginx:1.27","imagePullPolicy":"IfNotPresent"}]},
 "status":{"phase":"Running","podIP":"10.244.1.2","podIPs":[{"ip":"10.244.1.2"},{"ip":"fd00::2"}]}},
{"metadata":{"name":"edge-e3","namespace":"kube-system","uid":"u2","annotations":{"kubernetes.io/config.mirror":"x"}},
 "spec":{"hostNetwork":true,"containers":[{"name":"c","image":"edge:1"}],"volumes":[{"name":"s","secret":{"secretName":"x"}}]},
 "status":{"phase":"Pending","podIP":"10.0.0.3","reason":"Evicted","message":"low",
  "initContainerStatuses":[{"name":"i","state":{"waiting":{"reason":"ErrImagePull","message":"no route"}}}],
  "containerStatuses":[{"name":"c","state":{"waiting":{"reason":"PodInitializing"}}},{"name":"d","state":{"running":{}}}]}}]}`

func write(t *testing.T, folder, name, kind, body string, packed bool, at time.Time) {
	t.Helper()
	header, content := http.Header{"Content-Type": {kind}}, []byte(body)
	if packed {
		var buffer bytes.Buffer
		writer := gzip.NewWriter(&buffer)
		_, _ = writer.Write(content)
		_ = writer.Close()
		content = buffer.Bytes()
		header.Set("Content-Encoding", "gzip")
	}
	data, err := json.Marshal(map[string]any{"code": 200, "header": header, "body": content})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestPodsAreRead(t *testing.T) {
	for what, packed := range map[string]bool{"plain": false, "packed": true} {
		t.Run(what, func(t *testing.T) {
			folder, now := t.TempDir(), time.Now()
			write(t, folder, entry, "application/json", two, packed, now.Add(-time.Minute))
			found, err := Newest(folder, now)
			wanted := List{Entry: entry, Age: 60, Pods: []Pod{
				{
					Namespace: "shop", Name: "web-0", UID: "u1", Phase: "Running", Addresses: []string{"10.244.1.2", "fd00::2"},
					Images: []Image{{"busybox:1", "Always"}, {"nginx:1.27", "IfNotPresent"}}, Token: true, Deleting: true,
				},
				{
					Namespace: "kube-system", Name: "edge-e3", UID: "u2", HostNetwork: true, Mirror: true, Phase: "Pending",
					Addresses: []string{"10.0.0.3"}, Images: []Image{{"edge:1", ""}},
					Waiting: []Reason{{"", "Evicted", "low"}, {"i", "ErrImagePull", "no route"}},
				},
			}}
			if err != nil || !reflect.DeepEqual(found, wanted) {
				t.Fatalf("%+v, %v", found, err)
			}
		})
	}
}

func TestAPodThatAWatchAddedAgainCountsOnceAsItIsNow(t *testing.T) {
	folder := t.TempDir()
	items := `{"metadata":{"name":"a","uid":"1"},"status":{"phase":"Pending"}},{"metadata":{"name":"b","uid":"2"}},
		{"metadata":{"name":"a","uid":"1"},"status":{"phase":"Running"}}`
	write(t, folder, entry, "application/json", `{"kind":"PodList","items":[`+items+`]}`, false, time.Now())
	found, err := Newest(folder, time.Now())
	if err != nil || len(found.Pods) != 2 || found.Pods[0].Phase != "Running" || found.Pods[1].Name != "b" {
		t.Fatalf("%+v, %v", found, err)
	}
}

func TestTheNewestCompleteListOfAKubeletIsUsed(t *testing.T) {
	folder, now := t.TempDir(), time.Now()
	none := `{"kind":"PodList","items":null}`
	for _, each := range []string{"flanneld_v0.0.0__pods___list", "kubelet_v1.34.4_shop_pods___list", "kubelet_v1.34.4__pods_web-0_"} {
		write(t, folder, each, "application/json", `{"kind":"Wrong"}`, false, now)
	}
	if _, err := Newest(folder, now); err == nil || !strings.Contains(err.Error(), "no list of Pods") {
		t.Fatal(err)
	}
	write(t, folder, "kubelet_v1.34.4__pods___list", "application/json", two, false, now.Add(-time.Hour))
	write(t, folder, "kubelet_v1.35.0__pods___list", "application/json", none, false, now.Add(-time.Minute))
	found, err := Newest(folder, now)
	if err != nil || found.Entry != "kubelet_v1.35.0__pods___list" || found.Pods == nil || len(found.Pods) != 0 {
		t.Fatalf("%+v, %v", found, err)
	}
	for _, body := range []string{`{"kind":"PodList","items":[`, `{"kind":"Status"}`, `{"kind":"PodList","items":7}`} {
		write(t, folder, "kubelet_v1.35.0__pods___list", "application/json", body, false, now)
		if found, err = Newest(folder, now); err != nil || found.Entry != "kubelet_v1.34.4__pods___list" {
			t.Fatalf("%s: %+v, %v", body, found, err)
		}
	}
	write(t, folder, "kubelet_v1.34.4__pods___list", "application/vnd.kubernetes.protobuf", "k8s", false, now)
	if _, err = Newest(folder, now); err == nil || !strings.Contains(err.Error(), "not in JSON") || !strings.Contains(err.Error(), "v1.35.0") {
		t.Fatal(err)
	}
}

func TestAListFromTheFutureIsNew(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, entry, "application/json", two, false, time.Now())
	if found, err := Newest(folder, time.Unix(0, 0)); err != nil || found.Age != 0 {
		t.Fatal(found.Age, err)
	}
}
