// Package compose has the test of the compose files.
package compose
