// ferry as a mover: the real binary, set up with its own commands, and with its
// default settings but for the rate of media calls.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"ferry/bench/child"
)

const account = "111122223333"

// ferry is a server that is ready to start: its state has an account that is
// linked to the sink, and an access key.
type ferry struct {
	*child.Ferry
	site      *site
	storeFlag string
	flags     []string                    // of the server, besides those of all cases
	check     func(context.Context) error // of the server after a run; nil means none
}

// ferries is ferry as a mover: one prepared server for each way.
type ferries struct {
	label string
	at    map[string]*ferry
}

func (f *ferries) name() string            { return f.label }
func (f *ferries) measures(benchCase) bool { return true }

func (f *ferries) run(ctx context.Context, w workload, n int) (sample, error) {
	return f.at[w.via].run(ctx, w, n)
}

// prepareFerry creates keyset, access key and linked account with ferry's own
// commands, in a directory of its own. storeURL is the URL of the site's store,
// or of a proxy before it. more is added to the environment.
func prepareFerry(ctx context.Context, binary, dir string, at *site, storeURL string, reuse bool, more ...string) (*ferry, error) {
	storeFlag, err := json.Marshal(map[string]any{
		"buckets": []string{bucket}, "endpoint": storeURL, "region": region, "path_style": true,
		"access_key_id": storeKey, "secret_access_key": storeSecret,
	})
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	env := append(append(at.env(), more...), "FERRY_KEYSET_FILE=keyset.json", "FERRY_DATABASE=ferry.db", "FERRY_META_TOKEN=bench-token")
	f := &ferry{site: at, storeFlag: string(storeFlag)}
	if f.Ferry, err = child.Install(ctx, binary, dir, env, account, sinkAccount, at.sinkURL); err != nil {
		return nil, err
	}
	if reuse {
		_, err = f.Command(ctx, "account", "reuse", "--account", account, "on")
	}
	return f, err
}

// run starts the server, loads it and stops it. Each run has a server of its
// own, so that the peak of memory is that of the case.
func (f *ferry) run(ctx context.Context, w workload, n int) (s sample, err error) {
	address, err := child.FreeAddress()
	if err != nil {
		return s, err
	}
	server, err := f.Serve(ctx, address, append([]string{"--graph-url", f.site.sinkURL, "--store", f.storeFlag, "--media-rate=0"}, f.flags...)...)
	if err != nil {
		return s, err
	}
	defer server.Stop()
	callers := newCallers("http://"+address, f.KeyID, f.Secret, f.Phone)
	defer callers.close()
	if s, err = f.load(ctx, server.PID(), callers, w, n); err != nil {
		return s, server.Failed(err)
	}
	if f.check != nil {
		return s, f.check(ctx)
	}
	return s, nil
}

// load makes the first upload, which is not timed, and then measures n uploads.
func (f *ferry) load(ctx context.Context, pid int, callers *callers, w workload, n int) (s sample, err error) {
	s = sample{Uploads: n, Bytes: int64(n) * w.size}
	if s.IdleRSS, err = residentOf(pid, "VmRSS"); err != nil {
		return s, err
	}
	if err := callers.post(ctx, objectKey(warmUpSize)); err != nil {
		return s, fmt.Errorf("the first upload: %w", err)
	}
	if err := resetPeak(pid); err != nil {
		return s, err
	}
	before, err := cpuOfBoth(pid)
	if err != nil {
		return s, err
	}
	started := time.Now()
	took, err := callers.postAll(ctx, w.key(), n, w.concurrency)
	if err != nil {
		return s, err
	}
	s.Wall = time.Since(started).Seconds()
	after, err := cpuOfBoth(pid)
	if err != nil {
		return s, err
	}
	s.CPU, s.LoadCPU = after[0]-before[0], after[1]-before[1]
	s.P50, s.P99 = percentile(took, 0.50).Seconds(), percentile(took, 0.99).Seconds()
	s.PeakRSS, err = residentOf(pid, "VmHWM")
	return s, err
}

// cpuOfBoth returns the CPU time of the server and of this process, its callers.
func cpuOfBoth(server int) (used [2]float64, err error) {
	if used[0], err = cpuSeconds(server); err == nil {
		used[1], err = cpuSeconds(os.Getpid())
	}
	return used, err
}
