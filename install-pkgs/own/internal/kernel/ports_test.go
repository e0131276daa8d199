package kernel

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// plugin is a portmap whose rules other programs delete.
type plugin struct {
	t     *testing.T
	rules bool
	asked []string
}

func (p *plugin) run(_ context.Context, program string, env []string, stdin []byte) (string, error) {
	if program != "/opt/cni/bin/portmap" || !slices.Contains(env, "CNI_CONTAINERID=abc") || !slices.Contains(env, "CNI_IFNAME=eth0") {
		p.t.Error(program, env)
	}
	var given struct {
		CNIVersion, Name, Type string
		Snat                   bool
		RuntimeConfig          struct{ PortMappings []map[string]any }
		PrevResult             struct{ CNIVersion string }
	}
	if err := json.Unmarshal(stdin, &given); err != nil {
		p.t.Error(err)
	}
	if given.CNIVersion != "0.4.0" || given.PrevResult.CNIVersion != "0.4.0" || given.Name != "cbr0" || !given.Snat ||
		given.RuntimeConfig.PortMappings[0]["hostPort"] != 18080.0 {
		p.t.Error(string(stdin))
	}
	command := env[len(env)-1]
	p.asked = append(p.asked, strings.TrimPrefix(command, "CNI_COMMAND="))
	if command == "CNI_COMMAND=ADD" {
		p.rules = true
	}
	if !p.rules {
		return "no chain", errors.New("status 1")
	}
	return "{}", nil
}

func kept(t *testing.T, folder, name string, changed map[string]any) {
	t.Helper()
	network := `{"cniVersion":"0.3.1","name":"cbr0","plugins":[{"type":"flannel"},{"type":"portmap","snat":true}]}`
	pod := map[string]any{
		"kind": "cniCacheV1", "containerId": "abc", "ifName": "eth0", "networkName": "cbr0",
		"config":         base64.StdEncoding.EncodeToString([]byte(network)),
		"capabilityArgs": map[string]any{"portMappings": []any{map[string]any{"hostPort": 18080, "containerPort": 80, "protocol": "tcp"}}},
		"result":         map[string]any{"cniVersion": "0.3.1", "interfaces": []any{map[string]any{"name": "cni0"}, map[string]any{"sandbox": folder}}},
	}
	for key, value := range changed {
		pod[key] = value
	}
	data, _ := json.Marshal(pod)
	if err := os.WriteFile(filepath.Join(folder, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestRulesOfHostPortsAreRestoredByThePluginThatMadeThem(t *testing.T) {
	p, folder, said := &plugin{t: t}, t.TempDir(), 0
	ports := &Ports{folder, "/opt/cni/bin", p.run, func(string, ...any) { said++ }}
	kept(t, folder, "cbr0-abc-eth0", nil)
	for range 2 {
		if err := ports.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(p.asked, []string{"CHECK", "ADD", "CHECK"}) || said != 1 {
		t.Fatal(p.asked, said)
	}
}

func TestOtherPodsAreNotChanged(t *testing.T) {
	p, folder := &plugin{t: t}, t.TempDir()
	ports := &Ports{folder, "/opt/cni/bin", p.run, t.Logf}
	kept(t, folder, "without-ports", map[string]any{"capabilityArgs": map[string]any{}})
	kept(t, folder, "gone", map[string]any{"netns": "/nonexistent"})
	kept(t, folder, "without-the-plugin", map[string]any{"config": base64.StdEncoding.EncodeToString([]byte(`{"plugins":[]}`))})
	if err := os.WriteFile(filepath.Join(folder, "torn"), []byte(`{"kind"`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ports.Round(t.Context()); err != nil || p.asked != nil {
		t.Fatal(err, p.asked)
	}
	ports.Results = "/nonexistent"
	if err := ports.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
}
