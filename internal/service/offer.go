package service

import (
	"context"
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

// offer writes down to whom the service is offered, as a label, which cannot change: the volume is made anew. Without one
// it is offered to nobody.
func (s *Services) offer(ctx context.Context, name string, offer Offer) error {
	encoded, err := json.Marshal(offer)
	if err != nil {
		return err
	}
	existing, err := s.on.Volumes(ctx, offerLabels(name))
	if err != nil {
		return err
	}
	for _, one := range existing {
		if one.Labels[naming.LabelOffer] == string(encoded) {
			return nil
		}
		if err := s.on.RemoveVolume(ctx, one.Name); err != nil {
			return err
		}
	}
	_, err = s.on.CreateVolume(ctx, naming.ServiceOffer(name), naming.Labels(offerLabels(name), map[string]string{naming.LabelOffer: string(encoded)}))
	return err
}

func offerLabels(name string) map[string]string {
	return map[string]string{naming.LabelRole: naming.RoleOffer, naming.LabelService: name}
}
