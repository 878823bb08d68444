// Package helm has the test of the Helm chart.
package helm
