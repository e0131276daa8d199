package kubelet

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
)

var errSum = errors.New("its checksum is wrong")

// sums verify the checksums of files in the formats of v1.34 to v1.37. A file in another format is not checked.
var sums = map[string]func([]byte) error{
	"cpu_manager_state":    verifyCPU,
	"memory_manager_state": verifyMemory,
	"dra_manager_state":    verifyDRA,
	"allocated_pods_state": verifyPods,
	"actuated_pods_state":  verifyPods,
}

// deep compares with kubelet's checksum of the output of a debug printer for its objects, with types (DeepHashObject
// in pkg/util/hash). One of the given outputs must match.
func deep(sum uint64, shown ...string) error {
	for _, each := range shown {
		hash := fnv.New32a()
		_, _ = hash.Write([]byte(each))
		if uint64(hash.Sum32()) == sum {
			return nil
		}
	}
	return errSum
}

// dual is a checkpoint of the CPU or memory manager since v1.37: kubelet reads `data`, and no other field if that or
// its checksum exists ("not falling back to previous versions", state_checkpoint.go of both). The other fields are
// for older kubelets.
type dual struct {
	PolicyName    string                                `json:"policyName"`
	DefaultCPUSet string                                `json:"defaultCpuSet"`
	MachineState  map[string]json.RawMessage            `json:"machineState"`
	Entries       map[string]map[string]json.RawMessage `json:"entries"`
	Checksum      uint64                                `json:"checksum"`
	Data          string                                `json:"data"`
	DataChecksum  uint64                                `json:"dataChecksum"`
}

// verifyDual returns whether the file is such a checkpoint, and the reason why kubelet could not use it.
func verifyDual(data []byte) (is bool, err error) {
	var found dual
	failed := json.Unmarshal(data, &found) // the fields before the error are decoded
	if found.Data == "" && found.DataChecksum == 0 {
		return false, nil
	}
	if failed != nil {
		return true, failed
	}
	if err := deep(found.DataChecksum, "(string)"+found.Data); err != nil {
		return true, err
	}
	var inner map[string]json.RawMessage
	return true, json.Unmarshal([]byte(found.Data), &inner)
}

// verifyCPU verifies pkg/kubelet/cm/cpumanager/state/checkpoint.go. A missing checksum is valid there.
func verifyCPU(data []byte) error {
	if is, err := verifyDual(data); is {
		return err
	}
	var found struct {
		PolicyName    string                       `json:"policyName"`
		DefaultCPUSet string                       `json:"defaultCpuSet"`
		Entries       map[string]map[string]string `json:"entries"`
		PodEntries    json.RawMessage              `json:"podEntries"`
		Checksum      uint64                       `json:"checksum"`
	}
	if json.Unmarshal(data, &found) != nil || found.PodEntries != nil || found.Checksum == 0 {
		return nil
	}
	rest := fmt.Sprintf("{PolicyName:(string)%s DefaultCPUSet:(string)%s Entries:(map[string]map[string]string)%v",
		found.PolicyName, found.DefaultCPUSet, found.Entries)
	return deep(found.Checksum,
		"(*state.CPUManagerCheckpoint)"+rest+" Checksum:(checksum.Checksum)0}",
		// v1.36, without and with its feature PodLevelResourceManagers
		"(*state.CPUManagerCheckpointV2)"+rest+" Checksum:(checksum.Checksum)0}",
		"(*state.CPUManagerCheckpoint)"+rest+" PodEntries:(state.PodCPUAssignments)map[] Checksum:(checksum.Checksum)0}")
}

// verifyMemory verifies pkg/kubelet/cm/memorymanager/state/checkpoint.go, if the file contains only the name of the
// policy: with policy None, the default, it contains nothing else.
func verifyMemory(data []byte) error {
	if is, err := verifyDual(data); is {
		return err
	}
	var found struct {
		PolicyName   string                     `json:"policyName"`
		MachineState map[string]json.RawMessage `json:"machineState"`
		Entries      json.RawMessage            `json:"entries"`
		PodEntries   json.RawMessage            `json:"podEntries"`
		Checksum     uint64                     `json:"checksum"`
	}
	err := json.Unmarshal(data, &found)
	if err != nil || len(found.MachineState) > 0 || found.Entries != nil || found.PodEntries != nil {
		return nil
	}
	head := "(*state.MemoryManagerCheckpoint){PolicyName:(string)" + found.PolicyName +
		" MachineState:(state.NUMANodeMap)map[] Entries:(state.ContainerMemoryAssignments)map[]"
	return deep(found.Checksum,
		head+" Checksum:(checksum.Checksum)0}",
		head+" PodEntries:(state.PodMemoryAssignments)map[] Checksum:(checksum.Checksum)0}")
}

// verifyDRA verifies pkg/kubelet/cm/dra/state/checkpoint.go.
func verifyDRA(data []byte) error {
	var found struct {
		Data     *string
		Checksum *uint32
	}
	if err := json.Unmarshal(data, &found); err != nil {
		return err
	}
	if found.Data == nil || found.Checksum == nil || crc32.ChecksumIEEE([]byte(*found.Data)) != *found.Checksum {
		return errSum
	}
	return nil
}

// verifyPods verifies pkg/kubelet/allocation/state/checkpoint.go.
func verifyPods(data []byte) error {
	var found struct {
		Data     *string `json:"data"`
		Checksum *uint64 `json:"checksum"`
	}
	if err := json.Unmarshal(data, &found); err != nil {
		return err
	}
	if found.Data == nil || found.Checksum == nil {
		return errSum
	}
	return deep(*found.Checksum, "(string)"+*found.Data)
}
