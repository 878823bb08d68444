//go:build linux

package main

import "context"

const maxCPUShare = 50 // percent of one CPU

// descriptors has twice as many clients as the server has file descriptors. They
// connect and send nothing.
func descriptors(ctx context.Context, r *rig) ([]finding, error) {
	limited := setup{wrap: []string{"sh", "-c", `ulimit -n 256 && exec "$0" "$@"`}}
	return r.attack(ctx, limited, order{Kind: "idle", Clients: 512})
}
