package e2e

import (
	"database/sql"
	"errors"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

// powerLosses is at how many moments the power fails; FERRY_KILLS sets another number.
const powerLosses = 200

// A power failure leaves of a file what was synced, and any part of what was written since.
// The test records every write and every sync of a server under load, and what the server
// has acknowledged at which time. Then it makes the files that a power failure at random
// moments could have left, opens them, and looks for what was acknowledged before.
func TestPowerFailureLosesNothingThatWasAcknowledged(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		missingTool(t, "strace", "'make system' installs it")
	}
	losses := powerLosses
	if text := os.Getenv("FERRY_KILLS"); text != "" {
		var err error
		if losses, err = strconv.Atoi(text); err != nil {
			t.Fatalf("FERRY_KILLS is %q; expected a number", text)
		}
	}
	r := newCrashRig(t, plainBuild, "")
	directory, record := r.directory, filepath.Join(t.TempDir(), "record")
	before := newDisk(t, directory, "ferry.db", "ferry.db-wal", "ferry.db-journal")
	r.wrapper = []string{"strace", "-D", "-f", "--seccomp-bpf", "-y", "-ttt", "-xx", "-s", "1000000", "-o", record,
		"-e", "trace=pwrite64,pwritev,write,writev,fsync,fdatasync,ftruncate,fallocate,unlink,unlinkat,rename,renameat,renameat2"}
	for _, name := range append(slices.Sorted(maps.Keys(before.files)), "") {
		r.wrapper = append(r.wrapper, "-P", filepath.Join(directory, name))
	}
	server := r.serve()
	r.url.Store(&server.url)
	stop := r.startLoad()
	r.awaitAcknowledged(500)
	stop()
	server.stop()

	events := readRecord(t, record, before)
	seed := uint64(time.Now().UnixNano())
	t.Logf("%d webhooks and %d messages were acknowledged, with %d syncs; seed %d", len(r.received), len(r.sent), countSyncs(events), seed)
	if lost := r.losePower(before, events, losses, seed, true); lost > 0 {
		t.Errorf("%d acknowledged webhooks and messages were lost", lost)
	}
	// The test itself: a disk that ignores syncs loses some.
	if lost := r.losePower(before, events, 10, seed, false); lost == 0 {
		t.Error("nothing is lost even if no sync has an effect: the test looks in the wrong place")
	}
}

// losePower makes the files of power failures at random moments, and returns how many
// acknowledged webhooks and messages they lack.
func (r *crashRig) losePower(before *disk, events []diskEvent, losses int, seed uint64, syncs bool) (lost int) {
	random := rand.New(rand.NewPCG(seed, 1))
	moments := make([]int, losses)
	for i := range moments {
		moments[i] = 1 + random.IntN(len(events))
	}
	slices.Sort(moments) // the disk goes forward
	now, next := before.clone(), 0
	for _, moment := range moments {
		for ; next < moment; next++ {
			now.apply(events[next], syncs)
		}
		folder := r.t.TempDir()
		now.write(r.t, folder, random)
		failedAt := events[moment-1].at
		stored, err := readStored(filepath.Join(folder, "ferry.db"))
		if err != nil && syncs {
			r.t.Errorf("after a power failure at event %d, %v: %v", moment, failedAt.Format(time.StampMicro), err)
		}
		for id, at := range r.moments {
			if at.Before(failedAt) && !stored[id] {
				if lost++; syncs && lost <= 5 {
					r.t.Errorf("after a power failure at event %d, %v: %s is lost, which was acknowledged at %v", moment, failedAt.Format(time.StampMicro), id, at.Format(time.StampMicro))
				}
			}
		}
		_ = os.RemoveAll(folder)
	}
	return lost
}

// readStored returns the ids of the messages in a database, of people and to them, if the
// database is not damaged.
func readStored(path string) (map[string]bool, error) {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_pragma=synchronous(OFF)")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	var damage string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&damage); err != nil {
		return nil, err
	}
	if damage != "ok" {
		return nil, errors.New("the database is damaged: " + damage)
	}
	rows, err := db.Query("SELECT wamid FROM event WHERE kind = 'event' AND wamid <> '' UNION SELECT id FROM message")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	stored := make(map[string]bool)
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		stored[id] = true
	}
	return stored, rows.Err()
}
