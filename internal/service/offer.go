package service

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// Offer says which projects may list a shared service. The zero value offers it to nobody.
type Offer struct {
	Everybody bool              `json:"everybody,omitempty"`
	Projects  []string          `json:"projects,omitempty"` // namespaces
	Labels    map[string]string `json:"labels,omitempty"`   // that a project has, all of them; none means no project
}

// To reports whether a project may list the service.
func (o Offer) To(namespace string, labels map[string]string) bool {
	if o.Everybody || slices.Contains(o.Projects, namespace) {
		return true
	}
	for key, value := range o.Labels {
		if labels[key] != value {
			return false
		}
	}
	return len(o.Labels) > 0
}

// OfferOf reads what a service's volume says; nobody without one.
func OfferOf(name string, volumes []engine.Volume) (Offer, error) {
	for _, volume := range volumes {
		if volume.Labels[naming.LabelRole] != naming.RoleOffer || volume.Labels[naming.LabelService] != name {
			continue
		}
		var offer Offer
		if err := json.Unmarshal([]byte(volume.Labels[naming.LabelOffer]), &offer); err != nil {
			return Offer{}, fmt.Errorf("read the label of volume %s: %w", volume.Name, err)
		}
		return offer, nil
	}
	return Offer{}, nil
}
