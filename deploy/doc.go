// Package deploy has the tests of what ferry is installed with: the container image, compose
// files, the Helm chart, the service of systemd, alerts and dashboard. They use the real
// tools where these are installed.
package deploy
