package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const portmap = "portmap"

// Ports restores the rules for host ports. The plugin `portmap` creates them when a Pod gets its network and does not
// check them again. Its configuration is in the results that the container runtime stores until the Pod ends
// (cachedInfo in github.com/containernetworking/cni/libcni/api.go).
type Ports struct {
	Results string // directory of those results
	Plugins string // directory of the plugins
	Run     func(ctx context.Context, program string, env []string, stdin []byte) (string, error)
	Say     func(format string, args ...any)
}

// attachment is the stored network of a Pod.
type attachment struct {
	ContainerID    string
	Config         []byte
	IfName         string
	NetworkName    string
	NetNS          string
	CapabilityArgs struct {
		PortMappings []any
	}
	Result map[string]any
}

// Round runs the plugin for each Pod with host ports, to check its rules and to create them if they are missing.
func (p *Ports) Round(ctx context.Context) error {
	names, err := os.ReadDir(p.Results)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var failed error
	for _, each := range names {
		if ctx.Err() != nil {
			break
		}
		if err := p.restore(ctx, filepath.Join(p.Results, each.Name())); err != nil {
			failed = errors.Join(failed, fmt.Errorf("host ports of %s: %w", each.Name(), err))
		}
	}
	return failed
}

func (p *Ports) restore(ctx context.Context, file string) error {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the Pod has just ended
	}
	if err != nil {
		return err
	}
	var pod attachment
	if err := json.Unmarshal(data, &pod); err != nil || len(pod.CapabilityArgs.PortMappings) == 0 {
		return nil // not of a Pod with host ports; `edgeadm check autonomy` reports damaged files
	}
	settings := pod.settings()
	space := pod.namespace()
	if _, err := os.Stat(space); settings == nil || err != nil {
		return nil // without the plugin, or ended except for this file
	}
	stdin, err := json.Marshal(settings)
	if err != nil {
		return err
	}
	env := []string{
		"CNI_CONTAINERID=" + pod.ContainerID, "CNI_IFNAME=" + pod.IfName, "CNI_NETNS=" + space, "CNI_PATH=" + p.Plugins,
	}
	program := filepath.Join(p.Plugins, portmap)
	if _, err := p.Run(ctx, program, append(env, "CNI_COMMAND=CHECK"), stdin); err == nil {
		return nil
	}
	if out, err := p.Run(ctx, program, append(env, "CNI_COMMAND=ADD"), stdin); err != nil {
		return fmt.Errorf("%w: %.300s", err, strings.TrimSpace(out))
	}
	p.Say("the rules for host ports of the container %.12s were missing: restored by %s", pod.ContainerID, portmap)
	return nil
}

// settings returns the configuration of the plugin when the Pod got its network; nil if the plugin was not used.
func (a *attachment) settings() map[string]any {
	var network struct {
		CNIVersion string
		Plugins    []map[string]any
	}
	if json.Unmarshal(a.Config, &network) != nil || a.Result == nil {
		return nil
	}
	at := slices.IndexFunc(network.Plugins, func(plugin map[string]any) bool { return plugin["type"] == portmap })
	if at < 0 {
		return nil
	}
	version := network.CNIVersion
	if strings.HasPrefix(version, "0.3.") {
		version = "0.4.0" // the first version with CHECK; results have the same form
	}
	a.Result["cniVersion"] = version
	settings := network.Plugins[at]
	settings["cniVersion"], settings["name"] = version, a.NetworkName
	settings["runtimeConfig"] = map[string]any{"portMappings": a.CapabilityArgs.PortMappings}
	settings["prevResult"] = a.Result
	return settings
}

// namespace returns the network namespace of the Pod; older runtimes store it only with the interfaces.
func (a *attachment) namespace() string {
	if a.NetNS != "" {
		return a.NetNS
	}
	interfaces, _ := a.Result["interfaces"].([]any)
	for _, each := range interfaces {
		if one, is := each.(map[string]any); is {
			if space, is := one["sandbox"].(string); is && space != "" {
				return space
			}
		}
	}
	return ""
}

// Plugin runs a network plugin.
func Plugin(ctx context.Context, program string, env []string, stdin []byte) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandPatience)
	defer cancel()
	command := exec.CommandContext(ctx, program)
	command.Env = append(os.Environ(), env...)
	command.Stdin = strings.NewReader(string(stdin))
	out, err := command.CombinedOutput()
	return string(out), err
}
