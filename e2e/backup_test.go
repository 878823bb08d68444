package e2e

import (
	"context"
	"database/sql"
	"maps"
	"net/url"
	"os"
	"testing"

	_ "modernc.org/sqlite"
)

// A backup that is made while webhooks and messages arrive is restored in another place,
// with the same keyset.
func TestRestoredBackupHasEverythingThatWasAcknowledgedBeforeIt(t *testing.T) {
	r := newCrashRig(t, plainBuild, "")
	server := r.serve()
	r.url.Store(&server.url)
	stop := r.startLoad()
	r.awaitAcknowledged(200)
	r.mu.Lock()
	received, sent := maps.Clone(r.received), maps.Clone(r.sent)
	r.mu.Unlock()
	backup := r.file("backup.db")
	stdout := mustRun(t, r.env, r.program, "backup", backup)
	r.awaitAcknowledged(20)
	stop()
	server.stop()
	t.Logf("%s%d webhooks and %d messages were acknowledged before, %d and %d in all", stdout, len(received), len(sent), len(r.received), len(r.sent))

	checkIntact(t, backup)
	if err := os.Remove(r.events); err != nil {
		t.Fatal(err)
	}
	r.read, r.received, r.sent = 0, received, sent
	clear(r.outcomes.messages)
	clear(r.outcomes.statuses)
	r.env = append(r.env, "FERRY_DATABASE="+backup)
	restored := r.serve()
	client := append(environment(r.directory), "AWS_ENDPOINT_URL_SOCIALMESSAGING="+restored.url, "AWS_ACCESS_KEY_ID="+r.key.id, "AWS_SECRET_ACCESS_KEY="+r.key.secret, "AWS_REGION="+region)
	mustRun(t, client, r.program, "events", "replay", "--kind", "event", "--since", "1h", "--yes")
	r.awaitDelivered()
}

func checkIntact(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=ro&immutable=1")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var result string
	if err := db.QueryRowContext(context.Background(), "PRAGMA integrity_check").Scan(&result); err != nil || result != "ok" {
		t.Errorf("the check of the backup says %q (%v)", result, err)
	}
}
