package provider

import (
	"github.com/isolab/terraform-provider-isolab/internal/database"
	"github.com/isolab/terraform-provider-isolab/internal/service"
	"github.com/isolab/terraform-provider-isolab/internal/stack"
)

// defaultGatewayImage is the first stable nginx without the heap overflows that ordinary configuration could reach.
const defaultGatewayImage = "docker.io/library/nginx:1.30.4-alpine"

// imagesUnknown reports whether the provider's images are not known yet.
func (d *Data) imagesUnknown() bool { return d == nil || d.ImagesUnknown }

// image is the image of a stack's environments: the provider's override or the stack's own.
func (d *Data) image(from stack.Stack) string {
	if d != nil && d.Images[from.Name] != "" {
		return d.Images[from.Name]
	}
	return from.Image
}

func (d *Data) gatewayImage() string {
	if d != nil && d.Images[imageGateway] != "" {
		return d.Images[imageGateway]
	}
	return defaultGatewayImage
}

// serviceImage is the image of a shared service: the provider's override or the preset's own.
func (d *Data) serviceImage(from service.Preset) string {
	if d != nil && d.Images[from.Name] != "" {
		return d.Images[from.Name]
	}
	return from.Image
}

// databaseImage is the image of a database: the provider's override, or the preset's own of that version.
func (d *Data) databaseImage(from database.Preset, version string) string {
	if d != nil && d.Images[from.Name] != "" {
		return d.Images[from.Name]
	}
	return from.Image + ":" + version
}
