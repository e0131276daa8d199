// Edge-ipam assigns a Pod its previous address when its sandbox is recreated, also after a boot.
//
// It is a CNI plugin for IP address management that delegates the assignment to host-local: it selects the address
// that host-local assigns, and stores it. host-local's own reservations belong in memory, because they are useless
// after a boot.
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

const about = "edge-ipam v1.0.0: a CNI plugin in front of host-local that assigns Pods their previous addresses"

// Versions of the CNI specification that host-local supports, too.
var versions = []string{"0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"}

// since is the first version with a command.
var since = map[string]string{"CHECK": "0.4.0", "GC": "1.1.0", "STATUS": "1.1.0"}

// Codes of errors that the CNI specification defines; codes from 100 on are defined by plugins.
const (
	codeVersion     = 1
	codeEnvironment = 4
	codeDecoding    = 6
	codeConfig      = 7
	codeLater       = 11
	codeUnavailable = 50
	codeStore       = 100
	codeExhausted   = 101
	codeHostLocal   = 102
)

// failure is an error as the CNI specification defines it.
type failure struct {
	CNIVersion string `json:"cniVersion"`
	Code       int    `json:"code"`
	Msg        string `json:"msg"`
	Details    string `json:"details,omitempty"`
}

func (f *failure) Error() string { return f.Msg + ": " + f.Details }

func fail(code int, msg string, err error) *failure {
	return &failure{Code: code, Msg: msg, Details: err.Error()}
}

func main() {
	os.Exit(serve(os.Getenv, os.Stdin, os.Stdout, os.Stderr))
}

// serve handles one call of the container runtime.
func serve(getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	command := getenv("CNI_COMMAND")
	switch command {
	case "":
		fmt.Fprintln(stderr, about)
		return 0
	case "VERSION":
		reply, _ := json.Marshal(map[string]any{"cniVersion": versions[len(versions)-1], "supportedVersions": versions})
		fmt.Fprintln(stdout, string(reply))
		return 0
	}
	data, err := io.ReadAll(stdin)
	if err != nil {
		return refuse(stdout, "", fail(codeDecoding, "the configuration cannot be read", err))
	}
	conf, problem := readNetwork(data)
	if problem != nil {
		return refuse(stdout, conf.version(), problem)
	}
	call, problem := readCall(command, getenv)
	if problem != nil {
		return refuse(stdout, conf.version(), problem)
	}
	if since, is := since[command]; is && slices.Index(versions, conf.version()) < slices.Index(versions, since) {
		return refuse(stdout, conf.version(), fail(codeVersion, command+" needs version "+since, errors.New(conf.version())))
	}
	p := plugin{conf: conf, call: call, hostLocal: hostLocal{call.path}, say: func(format string, args ...any) {
		fmt.Fprintf(stderr, "edge-ipam: "+format+"\n", args...)
	}}
	reply, err := p.run()
	if err != nil {
		return refuse(stdout, conf.version(), err)
	}
	_, _ = stdout.Write(reply)
	return 0
}

// refuse writes the error; a failure of host-local is forwarded unchanged.
func refuse(stdout io.Writer, version string, err error) int {
	var theirs *refusal
	if errors.As(err, &theirs) && json.Valid(theirs.said) {
		_, _ = stdout.Write(theirs.said)
		return 1
	}
	var ours *failure
	if !errors.As(err, &ours) {
		ours = fail(codeStore, "edge-ipam", err)
	}
	ours.CNIVersion = cmp.Or(version, "1.0.0")
	reply, _ := json.Marshal(ours)
	fmt.Fprintln(stdout, string(reply))
	return 1
}

// call has the environment variables of the runtime.
type call struct {
	command, container, ifname, path, args string
	namespace, pod, uid                    string
	wish                                   string // the value of IP= in CNI_ARGS
}

func readCall(command string, getenv func(string) string) (call, *failure) {
	c := call{
		command: command, container: getenv("CNI_CONTAINERID"), ifname: getenv("CNI_IFNAME"),
		path: getenv("CNI_PATH"), args: getenv("CNI_ARGS"),
	}
	known := []string{"ADD", "DEL", "CHECK", "GC", "STATUS"}
	if !slices.Contains(known, command) {
		return c, fail(codeEnvironment, "CNI_COMMAND is not supported", errors.New(command))
	}
	if slices.Contains(known[:3], command) && (c.container == "" || c.ifname == "") {
		return c, fail(codeEnvironment, "the environment is incomplete", errors.New("CNI_CONTAINERID and CNI_IFNAME are required"))
	}
	for key, value := range pairs(c.args) {
		switch key {
		case "K8S_POD_NAMESPACE":
			c.namespace = value
		case "K8S_POD_NAME":
			c.pod = value
		case "K8S_POD_UID":
			c.uid = value
		case "IP":
			c.wish = value
		}
	}
	return c, nil
}

// nameless returns whether the call names no Pod: such a container is stored by its own ID until it is deleted.
func (c call) nameless() bool { return c.namespace == "" || c.pod == "" }

// identity is the owner of the addresses.
func (c call) identity() (namespace, pod string) {
	if c.nameless() {
		return "", c.container
	}
	return c.namespace, c.pod
}
