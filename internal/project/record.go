package project

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/quota"
)

// DataPolicy says what happens to a project's data when it fails or is destroyed.
type DataPolicy string

const (
	Retain DataPolicy = "retain"
	Delete DataPolicy = "delete"
)

// Record is what the engine knows of a project: the truth for other Terraform workspaces, imports and data sources.
// It lives as JSON in a label of an empty volume. Labels never change, so every revision is a volume of its own; since
// the engine creates a volume name only once, two writers cannot both write the same revision.
type Record struct {
	Namespace  string            `json:"namespace"`
	Stack      string            `json:"stack,omitempty"`
	DataPolicy DataPolicy        `json:"data_policy"`
	Labels     map[string]string `json:"labels,omitempty"`
	History    lifecycle.History `json:"history"`
	Revision   int               `json:"revision"`
	Quota      quota.Quota       `json:"quota,omitzero"`
	Services   []string          `json:"services,omitempty"` // names of shared services, sorted
	// Creator made the project, which was never changed since; see [Wanted].
	Creator string `json:"creator,omitempty"`
}

// Phase is where the project stands.
func (r Record) Phase() lifecycle.Phase { return r.History.Current() }

// same reports whether two records say the same, whatever their revision.
func (r Record) same(other Record) bool {
	return r.Namespace == other.Namespace && r.Stack == other.Stack && r.DataPolicy == other.DataPolicy && r.Quota == other.Quota &&
		maps.Equal(r.Labels, other.Labels) && slices.Equal(r.Services, other.Services) && slices.Equal(r.History, other.History)
}

// continues reports whether a record that is to be written is what the same creator wrote before, for the same wish.
func (r Record) continues(before Record) bool {
	return r.Creator != "" && r.Creator == before.Creator && r.Stack == before.Stack && r.DataPolicy == before.DataPolicy && r.Quota == before.Quota &&
		maps.Equal(r.Labels, before.Labels) && slices.Equal(r.Services, before.Services) && slices.EqualFunc(r.History, before.History, func(a, b lifecycle.Entry) bool { return a.Phase == b.Phase })
}

func (r Record) labels(writer string) (map[string]string, error) {
	encoded, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode the record of project %s: %w", r.Namespace, err)
	}
	return naming.Labels(r.Labels, map[string]string{
		naming.LabelRole: naming.RoleRecord, naming.LabelProject: r.Namespace,
		naming.LabelRecord: string(encoded), naming.LabelWriter: writer,
	}), nil
}

// newest picks the record with the highest revision out of a project's record volumes; an interrupted update may have
// left an older one beside it.
func newest(volumes []engine.Volume) (record Record, found bool, err error) {
	for _, volume := range volumes {
		if volume.Labels[naming.LabelRole] != naming.RoleRecord {
			continue
		}
		var candidate Record
		if err := json.Unmarshal([]byte(volume.Labels[naming.LabelRecord]), &candidate); err != nil {
			return Record{}, false, fmt.Errorf("read the project record in the label of volume %s: %w", volume.Name, err)
		}
		if !found || candidate.Revision > record.Revision {
			record, found = candidate, true
		}
	}
	return record, found, nil
}
