// Package podlist reads which Pods the kubelet will find when it asks lite-apiserver while the cloud is away.
package podlist

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"edgeadm/own/internal/litecache"
)

// List is what is cached of the kubelet's own list of Pods.
type List struct {
	Pods  []Pod  `json:"pods"`
	Entry string `json:"entry"`
	Age   int64  `json:"ageSeconds"`
}

// Pod is one of them. Mirror tells that it is a static one, which the kubelet starts from a file; Token, that it is
// given a token which lite-apiserver makes up while the cloud is away.
type Pod struct {
	Namespace   string   `json:"namespace"`
	Name        string   `json:"name"`
	UID         string   `json:"uid"`
	HostNetwork bool     `json:"hostNetwork"`
	Mirror      bool     `json:"mirror"`
	Phase       string   `json:"phase"`
	Addresses   []string `json:"addresses"`
	Images      []Image  `json:"images"`
	Token       bool     `json:"serviceAccountToken"`
	Deleting    bool     `json:"deleting"`
	Waiting     []Reason `json:"waiting,omitempty"`
}

// Reason tells why a container of a Pod does not run, or, without a container, the Pod itself.
type Reason struct {
	Container string `json:"container,omitempty"`
	Reason    string `json:"reason"`
	Message   string `json:"message,omitempty"`
}

// Image is one that the Pod needs, and when the kubelet would pull it.
type Image struct {
	Name   string `json:"name"`
	Policy string `json:"policy"`
}

// mirrorOf is the annotation of a Pod that stands for a static one.
const mirrorOf = "kubernetes.io/config.mirror"

// object is as much of a Pod of the API as is needed.
type object struct {
	Metadata struct {
		Namespace, Name, UID string
		Annotations          map[string]string
		DeletionTimestamp    *string
	}
	Spec struct {
		HostNetwork                bool
		InitContainers, Containers []container
		Volumes                    []struct {
			Projected struct {
				Sources []struct{ ServiceAccountToken *struct{} }
			}
		}
	}
	Status struct {
		Phase, Reason, Message                   string
		PodIP                                    string
		PodIPs                                   []struct{ IP string }
		InitContainerStatuses, ContainerStatuses []status
	}
}

// status is as much of a container's status as is needed.
type status struct {
	Name  string
	State struct{ Waiting *Reason }
}

type container struct{ Image, ImagePullPolicy string }

// Newest reads the newest whole list: a kubelet of another version has one of its own.
func Newest(cache string, now time.Time) (List, error) {
	found, err := litecache.Find(cache, func(name litecache.Name) bool {
		return strings.HasPrefix(name.UserAgent, "kubelet_") && name.Resource == "pods" && name.Verb == litecache.VerbList &&
			name.Namespace == "" && name.Object == "" && name.Subresource == ""
	})
	if err != nil {
		return List{}, err
	}
	if len(found) == 0 {
		return List{}, fmt.Errorf("%s has no list of Pods of a kubelet", cache)
	}
	slices.SortStableFunc(found, func(a, b litecache.Found) int { return b.Info.ModTime().Compare(a.Info.ModTime()) })
	var broken []error
	for _, each := range found {
		pods, err := read(cache, each.Key)
		if err == nil {
			age := max(0, int64(now.Sub(each.Info.ModTime()).Seconds()))
			return List{pods, each.Key, age}, nil
		}
		broken = append(broken, fmt.Errorf("%s is of no use: %w", each.Key, err))
	}
	return List{}, errors.Join(broken...)
}

// read knows each Pod once, as it was told of last: lite-apiserver adds to a list whatever a watch calls new.
func read(cache, key string) ([]Pod, error) {
	answer, err := litecache.Read(cache, key)
	if err != nil {
		return nil, err
	}
	var list struct {
		Kind  string
		Items []object
	}
	if !answer.JSON() {
		return nil, errors.New("it is not in JSON")
	}
	if err := json.Unmarshal(answer.Body, &list); err != nil {
		return nil, err
	}
	if list.Kind != "PodList" {
		return nil, fmt.Errorf("it is a %q", list.Kind)
	}
	pods, at := []Pod{}, map[string]int{}
	for _, each := range list.Items {
		pod := each.pod()
		if i, known := at[pod.UID]; known {
			pods[i] = pod
			continue
		}
		at[pod.UID] = len(pods)
		pods = append(pods, pod)
	}
	return pods, nil
}

func (o object) pod() Pod {
	found := Pod{
		Namespace: o.Metadata.Namespace, Name: o.Metadata.Name, UID: o.Metadata.UID,
		HostNetwork: o.Spec.HostNetwork, Phase: o.Status.Phase, Deleting: o.Metadata.DeletionTimestamp != nil,
		Addresses: []string{}, Images: []Image{},
	}
	_, found.Mirror = o.Metadata.Annotations[mirrorOf]
	for _, each := range o.Status.PodIPs {
		found.Addresses = append(found.Addresses, each.IP)
	}
	if len(found.Addresses) == 0 && o.Status.PodIP != "" {
		found.Addresses = append(found.Addresses, o.Status.PodIP)
	}
	for _, each := range slices.Concat(o.Spec.InitContainers, o.Spec.Containers) {
		if image := (Image{each.Image, each.ImagePullPolicy}); !slices.Contains(found.Images, image) {
			found.Images = append(found.Images, image)
		}
	}
	found.Waiting = o.waiting()
	for _, volume := range o.Spec.Volumes {
		for _, source := range volume.Projected.Sources {
			found.Token = found.Token || source.ServiceAccountToken != nil
		}
	}
	return found
}

// waiting names the containers that do not run. One that waits for the init containers says nothing of its own.
func (o object) waiting() (found []Reason) {
	if o.Status.Reason != "" {
		found = append(found, Reason{Reason: o.Status.Reason, Message: o.Status.Message})
	}
	for _, each := range slices.Concat(o.Status.InitContainerStatuses, o.Status.ContainerStatuses) {
		if why := each.State.Waiting; why != nil && why.Reason != "PodInitializing" {
			found = append(found, Reason{each.Name, why.Reason, why.Message})
		}
	}
	return found
}
