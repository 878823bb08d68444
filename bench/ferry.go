// ferry as a mover: the real binary, set up with its own commands, and with its
// default settings but for the rate of media calls.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

const account = "111122223333"

// ferry is a server that is ready to start: its state has an account that is
// linked to the sink, and an access key.
type ferry struct {
	binary        string
	dir           string
	site          *site
	storeFlag     string
	keyID, secret string
	phone         string   // "phone-number-id-…"
	flags         []string // of the server, besides those of all cases
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

// buildFerry builds the binary as a release is built.
func buildFerry(ctx context.Context, root, dir string) (string, error) {
	binary := filepath.Join(dir, "ferry")
	_, err := command(ctx, root, os.Environ(), "go", "build", "-trimpath", "-o", binary, "./cmd/ferry")
	return binary, err
}

// prepareFerry creates keyset, access key and linked account with ferry's own
// commands, in a directory of its own. storeURL is the URL of the site's store,
// or of a proxy before it.
func prepareFerry(ctx context.Context, binary, dir string, at *site, storeURL string, reuse bool) (*ferry, error) {
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
	f := &ferry{binary: binary, dir: dir, site: at, storeFlag: string(storeFlag)}
	if _, err := f.command(ctx, "keyset", "create", "keyset.json"); err != nil {
		return nil, err
	}
	key, err := f.command(ctx, "key", "create", "--account", account, "--full-access")
	if err != nil {
		return nil, err
	}
	if f.keyID, f.secret, err = parseKey(key); err != nil {
		return nil, err
	}
	if _, err := f.command(ctx, "account", "link", "--account", account, "--waba-id", sinkAccount, "--graph-url", at.sinkURL); err != nil {
		return nil, err
	}
	if reuse {
		if _, err := f.command(ctx, "account", "reuse", "--account", account, "on"); err != nil {
			return nil, err
		}
	}
	linked, err := f.command(ctx, "account", "list", "--json")
	if err != nil {
		return nil, err
	}
	f.phone, err = parsePhone(linked)
	return f, err
}

func (f *ferry) env() []string {
	return append(f.site.env(), "FERRY_KEYSET_FILE=keyset.json", "FERRY_DATABASE=ferry.db", "FERRY_META_TOKEN=bench-token")
}

// command runs one of ferry's commands on the benchmark's state.
func (f *ferry) command(ctx context.Context, args ...string) (string, error) {
	if args[0] == "keyset" {
		return command(ctx, f.dir, environment(), f.binary, args...)
	}
	return command(ctx, f.dir, f.env(), f.binary, args...)
}

var keyLines = regexp.MustCompile(`AWS_ACCESS_KEY_ID='([^']+)'\n.*AWS_SECRET_ACCESS_KEY='([^']+)'`)

// parseKey reads what `ferry key create` prints.
func parseKey(text string) (id, secret string, err error) {
	match := keyLines.FindStringSubmatch(text)
	if match == nil {
		return "", "", errors.New("'ferry key create' printed no key")
	}
	return match[1], match[2], nil
}

// parsePhone reads what `ferry account list --json` prints.
func parsePhone(text string) (string, error) {
	var linked struct {
		PhoneNumbers []struct {
			PhoneNumberID string `json:"phoneNumberId"`
		} `json:"phoneNumbers"`
	}
	if err := json.Unmarshal([]byte(text), &linked); err != nil || len(linked.PhoneNumbers) != 1 {
		return "", fmt.Errorf("'ferry account list --json' printed %q; expected one account with one phone number", text)
	}
	return linked.PhoneNumbers[0].PhoneNumberID, nil
}

// run starts the server, loads it and stops it. Each run has a server of its
// own, so that the peak of memory is that of the case.
func (f *ferry) run(ctx context.Context, w workload, n int) (s sample, err error) {
	address, err := freeAddress()
	if err != nil {
		return s, err
	}
	url := "http://" + address
	args := []string{"serve", "--listen", address, "--graph-url", f.site.sinkURL, "--store", f.storeFlag, "--media-rate=0"}
	server, err := startProcess(ctx, f.dir, "ferry", f.env(), f.binary, append(args, f.flags...)...)
	if err != nil {
		return s, err
	}
	defer server.stop()
	if err := server.waitReady(ctx, url+"/readyz"); err != nil {
		return s, err
	}
	callers := newCallers(url, f.keyID, f.secret, f.phone)
	defer callers.close()
	if s, err = f.load(ctx, server.pid(), callers, w, n); err != nil {
		return s, server.failed(err)
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
