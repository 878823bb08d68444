package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ferry/socialmessaging"
)

// previousVersion is the commit of the version from which servers are upgraded one by one.
// It is changed when a version is released (CONTRIBUTING.md).
const previousVersion = "d950c117677a5a32743ec8983d637d8b188eea50"

// requireCommit skips the test if the source was copied without its history.
func requireCommit(t testing.TB, commit string) {
	t.Helper()
	git := func(args ...string) (string, error) {
		output, err := exec.Command("git", args...).CombinedOutput()
		return strings.TrimSpace(string(output)), err
	}
	if _, err := git("cat-file", "-e", commit+"^{commit}"); err == nil {
		return
	}
	shallow, err := git("rev-parse", "--is-shallow-repository")
	if err != nil || shallow == "true" {
		missingOnMachine(t, "the history of git", "run the test in a clone with its whole history, such as after 'git fetch --unshallow'")
	}
	t.Fatalf("the commit %s of the previous version is not in the history of git; change previousVersion", commit)
}

// extractCommit writes the source of a commit into a new directory.
func extractCommit(commit, directory string) error {
	top, err := exec.Command("git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return fmt.Errorf("git rev-parse: %w", err)
	}
	if err := os.Mkdir(directory, 0o700); err != nil {
		return err
	}
	archive := exec.Command("git", "archive", "--format=tar", commit)
	archive.Dir = strings.TrimSpace(string(top)) // of a subdirectory, it would have only that
	source, err := archive.Output()
	if err != nil {
		return fmt.Errorf("git archive: %w", err)
	}
	extract := exec.Command("tar", "-xf", "-", "-C", directory)
	extract.Stdin = bytes.NewReader(source)
	if output, err := extract.CombinedOutput(); err != nil {
		return fmt.Errorf("tar: %w\n%s", err, output)
	}
	return nil
}

// Three servers of the previous version are replaced one by one, under load. The first new
// one migrates the schema, and the old ones continue with it. Then one of them returns to the
// previous version, which starts with the newer schema.
func TestServersAreUpgradedOneByOneAndBack(t *testing.T) {
	c := newCluster(t, previousBuild)
	previous, current := c.program, plainBuild.path(t)
	for i := range replicaCount {
		c.start(i)
	}
	oldSchema := c.schema()
	c.load()
	c.awaitProgress()
	for i := range replicaCount {
		c.replace(i, current)
		if schema := c.schema(); i == 0 {
			t.Logf("the schema was %s and is %s", oldSchema, schema)
		}
		for _, s := range c.replicas { // the ones that were not replaced, too
			c.use(s)
		}
		c.awaitProgress()
	}
	newSchema := c.schema()
	c.replace(0, previous)
	c.use(c.replicas[0])
	mustRun(t, c.env, previous, "key", "list")
	c.awaitProgress()
	if schema := c.schema(); schema != newSchema {
		t.Errorf("the schema is %s after the return to the previous version; it was %s", schema, newSchema)
	}
	c.checkAll("an upgrade of 3 servers, and the return of one", 0)
}

// schema returns the version of the schema of the database.
func (c *cluster) schema() string {
	c.t.Helper()
	return inDatabase(c.t, c.postgres, `SELECT max(version_id) FROM goose_db_version`)[0]
}

// replace stops a server, which must end what it has accepted, and starts another program in
// its place. The server stays behind the address until it refuses connections.
func (c *cluster) replace(i int, program string) {
	c.t.Helper()
	c.replicas[i].stop()
	c.program = program
	c.start(i)
}

// use makes one call of each kind at one server itself.
func (c *cluster) use(s *server) {
	c.t.Helper()
	client := goClient(s.url, c.key)
	if _, err := client.PostWhatsAppMessageMedia(c.t.Context(), fromBucket(c.phone, c.bucket, "a.png")); err != nil {
		c.t.Fatal(err)
	}
	c.uses++
	message := fmt.Appendf(nil, `{"messaging_product":"whatsapp","to":"+1650557%04d","type":"template","template":{"name":"hello_world","language":{"code":"en_US"}}}`, c.uses)
	sent, err := client.SendWhatsAppMessage(c.t.Context(), &socialmessaging.SendWhatsAppMessageInput{
		OriginationPhoneNumberId: &c.phone, Message: message, MetaApiVersion: aws.String("v25.0"),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.mu.Lock()
	c.sent[*sent.MessageId] = true
	c.mu.Unlock()
	if _, err := client.ListLinkedWhatsAppBusinessAccounts(c.t.Context(), &socialmessaging.ListLinkedWhatsAppBusinessAccountsInput{}); err != nil {
		c.t.Error(err)
	}
}
