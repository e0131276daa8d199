package kubelet

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// intact has the files of kubelet v1.34.4 and of v1.36.3, with their checksums.
var intact = map[string]string{
	"cpu_manager_state":    `{"policyName":"none","defaultCpuSet":"","checksum":1353318690}`,
	"memory_manager_state": `{"policyName":"None","machineState":{},"checksum":4236770233}`,
	"dra_manager_state": `{"Data":"{\"kind\":\"DRACheckpoint\",\"apiVersion\":\"checkpoint.dra.kubelet.k8s.io/v1\",` +
		`\"ClaimInfoStateList\":null}","Checksum":4010664294}`,
	"dra_health_state": `{}`,
	"allocated_pods_state": `{"data":"{\"entries\":{\"1-2-3\":{\"ContainerResources\":{\"web\\u003c\\u0026\\u003eé\":` +
		`{\"requests\":{\"cpu\":\"100m\"}}}}}}","checksum":601058654}`,
	"actuated_pods_state":          `{"data":"{}","checksum":694314937}`,
	"graceful_node_shutdown_state": `{"startTime":"2026-11-21T10:00:00Z","endTime":"2026-11-21T10:00:09Z"}`,
	"device-plugins/kubelet_internal_checkpoint": `{"Data":{"PodDeviceEntries":null,"RegisteredDevices":{"x/y":["d1"]}},` +
		`"Checksum":3137975486}`,
	"image_manager/pulled/sha256-0a": `{"kind":"ImagePulledRecord","apiVersion":"kubelet.config.k8s.io/v1alpha1",` +
		`"lastUpdatedTime":"2026-11-21T10:00:00Z","imageRef":"sha256:0a"}`,
	"image_manager/pulling/sha256-0b": `{"kind":"ImagePullIntent","apiVersion":"kubelet.config.k8s.io/v1alpha1","image":"x"}`,
	"pods/1-2-3/userns": `{"uidMappings":[{"hostId":65536,"containerId":0,"length":65536}],` +
		`"gidMappings":[{"hostId":65536,"containerId":0,"length":65536}]}`,
}

// dualIntact has the files of kubelet v1.37.2 in place of two of them, with their checksums.
var dualIntact = map[string]string{
	"cpu_manager_state": `{"policyName":"none","defaultCpuSet":"","checksum":1353318690,` +
		`"data":"{\"policyName\":\"none\",\"defaultCpuSet\":\"\"}","dataChecksum":3028111495}`,
	"memory_manager_state": `{"policyName":"None","machineState":{},"checksum":1313564062,` +
		`"data":"{\"policyName\":\"None\",\"machineState\":{}}","dataChecksum":3093843326}`,
}

// others are files that no repair may change, with any content.
var others = map[string]string{
	"config.yaml": "", "kubeadm-flags.env": "", "pki/kubelet.crt": "", "checkpoints/web.tar": "",
	"image_manager/pulled/sha256-0c.tmp": "{", "pods/1-2-3/etc-hosts": "", "device-plugins/DEPRECATION": "",
}

func root(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for _, all := range []map[string]string{intact, others} {
		for name, text := range all {
			put(t, folder, name, []byte(text))
		}
	}
	return folder
}

func put(t *testing.T, folder, name string, data []byte) {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func repaired(folder string) (said []string) {
	Repair(folder, func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) })
	return said
}

// differs lists the changed files, except for one.
func differs(t *testing.T, folder, but string) (found []string) {
	t.Helper()
	for _, all := range []map[string]string{intact, others} {
		for name, text := range all {
			data, err := os.ReadFile(filepath.Join(folder, name))
			if name != but && (err != nil || !bytes.Equal(data, []byte(text))) {
				found = append(found, name)
			}
		}
	}
	return found
}

func TestIntactFilesAreNotChanged(t *testing.T) {
	folder := root(t)
	if said := repaired(folder); len(said) > 0 {
		t.Fatal(strings.Join(said, "\n"))
	}
	if found := differs(t, folder, ""); found != nil {
		t.Fatal(found)
	}
}

func TestEachDamagedFileIsRemovedAlone(t *testing.T) {
	folder := root(t)
	for name, text := range intact {
		cases := map[string][]byte{
			"zeroed": make([]byte, len(text)), "blank": []byte("\n"), "null": []byte("null"), "a list": []byte("[]"),
		}
		for n := range text {
			cases[fmt.Sprint("cut at ", n)] = []byte(text[:n])
			zeroed := []byte(text)
			clear(zeroed[n:])
			cases[fmt.Sprint("zeroed from ", n)] = zeroed
		}
		for what, data := range cases {
			put(t, folder, name, data)
			said := repaired(folder)
			if _, err := os.Stat(filepath.Join(folder, name)); err == nil || len(said) != 1 || !strings.Contains(said[0], name) {
				t.Fatalf("%s, %s: %v, %v", name, what, said, err)
			}
			if found := differs(t, folder, name); found != nil {
				t.Fatal(found)
			}
		}
		put(t, folder, name, []byte(text))
	}
}

func TestUnknownFormatsOfNewerKubeletsStayAndAreRemovedIfDamaged(t *testing.T) {
	for name, text := range dualIntact {
		folder := t.TempDir()
		put(t, folder, name, []byte(text))
		if said := repaired(folder); len(said) > 0 {
			t.Fatal(strings.Join(said, "\n"))
		}
		for n := range text {
			for what, broken := range map[string][]byte{
				"cut": []byte(text[:n]), "zeroed": append([]byte(text[:n]), make([]byte, len(text)-n)...),
			} {
				if err := whole(name, broken); err == nil {
					t.Fatalf("%s, %s at %d: nothing was said", name, what, n)
				}
			}
		}
		start := strings.Index(text, `"data":`)
		for n := start; n < len(text); n++ {
			if !changesValue(text, n) && text[n] != '\\' {
				continue
			}
			flipped := []byte(text)
			flipped[n] ^= 0x02
			put(t, folder, name, flipped)
			if said := repaired(folder); len(said) != 1 {
				t.Fatalf("%s: nothing was said of byte %d: %s", name, n, flipped)
			}
		}
	}
}

func TestTheChecksumOfTheDataCountsInACheckpointWithTwo(t *testing.T) {
	const static = `"data":"{\"policyName\":\"static\",\"defaultCpuSet\":\"0-3\",\"entries\":{\"uid-a\":{\"x\":\"0\"}},` +
		`\"baselines\":{\"uid-a\":{\"x\":{\"baseline\":\"0\"}}}}","dataChecksum":2567954908}`
	const memory = `"data":"{\"policyName\":\"Static\",\"machineState\":{\"0\":{\"numberOfAssignments\":1,\"memoryMap\":null,` +
		`\"cells\":[0]}},\"entries\":{\"uid-a\":{\"x\":[{\"numaAffinity\":[0],\"type\":\"memory\",\"size\":1024}]}}}",` +
		`"dataChecksum":91527608}`
	fine := map[string]string{
		`{"policyName":"static","defaultCpuSet":"0-3","entries":{"uid-a":{"x":"0"}},"checksum":3210346084,` + static: "cpu_manager_state",
		`{"policyName":"static","defaultCpuSet":"0-2","checksum":1,` + static:                                        "cpu_manager_state",
		`{"policyName":"Static","machineState":{"0":{"numberOfAssignments":1,"memoryMap":null,"cells":[0]}},` +
			`"entries":{"uid-a":{"x":[{"numaAffinity":[0],"type":"memory","size":1024}]}},"checksum":877560152,` + memory: "memory_manager_state",
	}
	for text, name := range fine {
		if err := whole(name, []byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for text, name := range map[string]string{
		`{"policyName":"none","checksum":1353318690,"data":"","dataChecksum":3028111495}`:                                     "cpu_manager_state",
		`{"policyName":"none","checksum":1353318690,"dat":"{}","dataChecksum":3028111495}`:                                    "cpu_manager_state",
		`{"policyName":7,"checksum":1353318690,` + static:                                                                     "cpu_manager_state",
		strings.Replace(`{"policyName":"static","checksum":1,`+static, `"dataChecksum":2567954908`, `"x":0`, 1):               "cpu_manager_state",
		strings.Replace(`{"policyName":"static","checksum":1,`+static, `:2567954908`, `:"2567954908"`, 1):                     "cpu_manager_state",
		strings.Replace(`{"policyName":"Static","machineState":{},"checksum":1,`+memory, `\"size\":1024`, `\"size\":1025`, 1): "memory_manager_state",
	} {
		if whole(name, []byte(text)) == nil {
			t.Errorf("nothing was said of %s", text)
		}
	}
}

func TestAFlippedByteIsDetectedByAChecksum(t *testing.T) {
	folder := root(t)
	for name := range sums {
		text := intact[name]
		for n := range text {
			flipped := []byte(text)
			if flipped[n] ^= 0x02; !changesValue(text, n) {
				continue
			}
			put(t, folder, name, flipped)
			if said := repaired(folder); len(said) != 1 {
				t.Fatalf("%s: not detected: byte %d: %s", name, n, flipped)
			}
		}
		put(t, folder, name, []byte(text))
	}
}

// changesValue returns whether a byte is part of a value: a field with a misspelt name is a missing one, which each
// format of kubelet handles in its own way.
func changesValue(text string, n int) bool {
	start := strings.LastIndexByte(text[:n], ':')
	return start > 0 && !strings.Contains(text[start:n], `,"`) && !slices.Contains([]byte(`:,"{}\`), text[n])
}

func TestUnknownFormatsAreNotChecked(t *testing.T) {
	for name, texts := range map[string][]string{
		"cpu_manager_state": {
			`{"policyName":"static","defaultCpuSet":"0-3","entries":{"uid-a":{"x":"0"},"uid-b":{"c1":"2-3","c2":"1"}},"checksum":2273381837}`,
			`{"policyName":"static","defaultCpuSet":"","entries":{"uid-a":{"x":"1-2"}},"checksum":1942174666}`, // v1.36.3
			`{"policyName":"none","defaultCpuSet":""}`, // from a version without checksums
			`{"policyName":"static","defaultCpuSet":"0","entries":{"of-a-container":"1"},"checksum":1}`,
			`{"policyName":"static","defaultCpuSet":"0","podEntries":{},"checksum":1}`,
		},
		"memory_manager_state": {`{"policyName":"Static","machineState":{"0":{"numberOfAssignments":0}},"checksum":1}`},
		"a_new_state":          {`{"checksum":1}`},
	} {
		for _, text := range texts {
			if err := whole(name, []byte(text)); err != nil {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
}

func TestAFlippedByteOfAStaticPolicyIsDetected(t *testing.T) {
	text := `{"policyName":"static","defaultCpuSet":"0-3","entries":{"uid-a":{"x":"0"}},"checksum":2273381837}`
	if whole("cpu_manager_state", []byte(text)) == nil {
		t.Fatal("the sum is that of other entries")
	}
}

func TestNoKubeletNoRepair(t *testing.T) {
	if said := repaired(filepath.Join(t.TempDir(), "none")); said != nil {
		t.Fatal(said)
	}
}
