// Package podlist reads the Pods that kubelet receives from lite-apiserver while the cloud is unreachable.
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

// List is kubelet's list of Pods in the cache.
type List struct {
	Pods  []Pod  `json:"pods"`
	Entry string `json:"entry"`
	Age   int64  `json:"ageSeconds"`
}

// Pod is one Pod of the list. Mirror is set for a static Pod, which kubelet starts from a file; Token is set if the
// Pod uses a token that lite-apiserver creates while the cloud is unreachable.
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

// Reason is the reason why a container of a Pod does not run, or, without a container, the Pod itself.
type Reason struct {
	Container string `json:"container,omitempty"`
	Reason    string `json:"reason"`
	Message   string `json:"message,omitempty"`
}

// Image is an image that the Pod requires, with its pull policy.
type Image struct {
	Name   string `json:"name"`
	Policy string `json:"policy"`
}

// mirrorOf is the annotation of the mirror Pod of a static Pod.
const mirrorOf = "kubernetes.io/config.mirror"

// object has the fields of a Pod of the API that this package uses.
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

// status has the fields of a container's status that this package uses.
type status struct {
	Name  string
	State struct{ Waiting *Reason }
}

type container struct{ Image, ImagePullPolicy string }

// Newest reads the newest valid list: each version of kubelet has its own.
func Newest(cache string, now time.Time) (List, error) {
	found, err := litecache.Find(cache, func(name litecache.Name) bool {
		return strings.HasPrefix(name.UserAgent, "kubelet_") && name.Resource == "pods" && name.Verb == litecache.VerbList &&
			name.Namespace == "" && name.Object == "" && name.Subresource == ""
	})
	if err != nil {
		return List{}, err
	}
	if len(found) == 0 {
		return List{}, fmt.Errorf("%s has no list of Pods of kubelet", cache)
	}
	slices.SortStableFunc(found, func(a, b litecache.Found) int { return b.Info.ModTime().Compare(a.Info.ModTime()) })
	var broken []error
	for _, each := range found {
		pods, err := read(cache, each.Key)
		if err == nil {
			age := max(0, int64(now.Sub(each.Info.ModTime()).Seconds()))
			return List{pods, each.Key, age}, nil
		}
		broken = append(broken, fmt.Errorf("%s cannot be used: %w", each.Key, err))
	}
	return List{}, errors.Join(broken...)
}

// read returns each Pod once, in its last state: lite-apiserver appends Pods to a list for each event ADDED of a
// watch.
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

// waiting returns the containers that do not run. A container that waits for init containers has no reason of its
// own.
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
