// Package image has the test of the container image.
package image
