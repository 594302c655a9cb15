// Package engine holds the plain words in which the domain speaks of a container engine: what can be asked for, what
// was observed, what went wrong. It knows neither Docker's client nor Terraform. Packages that need an engine declare
// the few methods they use as an interface of their own; the docker package implements them all.
package engine
