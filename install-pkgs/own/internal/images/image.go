package images

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

const (
	pinKey  = "io.cri-containerd.pinned"
	ourKey  = "edgeadm.io/pinned"
	pinning = pinKey + "=pinned"
	ours    = ourKey + "=in-use"
)

// Image is one image with all of its names. Bytes is its disk usage, packed and unpacked. Layers that several images
// share are counted for each, so the sum is an upper bound.
type Image struct {
	Name   string   `json:"name"`
	Names  []string `json:"names"`
	Bytes  int64    `json:"bytes"`
	Pinned bool     `json:"pinned"`
	Ours   bool     `json:"ours"`
	InUse  bool     `json:"inUse"`
	Fits   bool     `json:"fits"`
	digest string
	ourTag []string // the names with our label
	idle   bool     // not used by a container for a long time
}

// group groups names by image.
func group(references []Reference, used []string) []*Image {
	all := map[string]*Image{}
	for _, each := range references {
		image := all[each.Digest]
		if image == nil {
			image = &Image{digest: each.Digest, Ours: true, Fits: true, Bytes: each.Packed}
			all[each.Digest] = image
		}
		image.Names = append(image.Names, each.Name)
		image.InUse = image.InUse || slices.Contains(used, each.Name)
		isPinned, isOurs := each.Labels[pinKey] == "pinned", each.Labels[ourKey] != ""
		image.Pinned = image.Pinned || isPinned
		if isOurs {
			image.ourTag = append(image.ourTag, each.Name)
		}
		if isPinned && !isOurs {
			image.Ours = false // pinned by another program, regardless of our label
		}
	}
	found := slices.Collect(maps.Values(all))
	for _, each := range found {
		slices.SortFunc(each.Names, byUse)
		each.Name = each.Names[0]
		each.Ours = each.Ours && each.Pinned
	}
	slices.SortFunc(found, func(a, b *Image) int { return cmp.Compare(a.Name, b.Name) })
	return found
}

// byUse sorts tags first, which users write, then digests, then the ID.
func byUse(a, b string) int {
	rank := func(name string) int {
		switch {
		case isID(name):
			return 2
		case strings.Contains(name, "@"):
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
}

func isID(name string) bool { return strings.HasPrefix(name, "sha256:") }

// label returns the name that gets our label: the ID, because it never becomes the name of another image as tags do.
// An image that no container has used yet may have none.
func (i *Image) label() string { return i.Names[len(i.Names)-1] }

// wanted returns whether the image should be pinned.
func (i *Image) wanted() bool { return i.InUse && (!i.Pinned || i.Ours) || i.Ours && !i.idle }

// choose selects the images that fit into the limit. Images in use have priority over others; then pinned images, to
// avoid needless changes; then the smallest ones.
func choose(all []*Image, limit int64) map[*Image]bool {
	var wanted []*Image
	for _, each := range all {
		if each.wanted() {
			wanted = append(wanted, each)
		}
	}
	first := func(is bool) int {
		if is {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(wanted, func(a, b *Image) int {
		return cmp.Or(cmp.Compare(first(a.InUse), first(b.InUse)), cmp.Compare(first(a.Ours), first(b.Ours)),
			cmp.Compare(a.Bytes, b.Bytes))
	})
	chosen, sum := map[*Image]bool{}, int64(0)
	for _, each := range wanted {
		if each.Fits = sum+each.Bytes <= limit; each.Fits {
			sum += each.Bytes
			chosen[each] = true
		}
	}
	return chosen
}
