package console_test

import (
	"html"
	"net/http"
	"strings"
	"testing"
	"time"

	"ferry/internal/local"
)

func TestDoctorSaysWhatToDo(t *testing.T) {
	w, server, _ := startAdmin(t)
	operator := w.login("operator")
	putObject(t, server, "photo.txt", "hello")
	object := "s3://" + local.Bucket + "/photo.txt"
	a := w.submit(operator, "/admin/doctor", "objects", object)
	a.want(t, http.StatusOK, "✓ All is well", "checks:", "valid, with both permissions", "it accepts a signed webhook and the verify token", "another version is refused", "What is in order")
	if strings.Contains(a.body, "What to do") {
		t.Error("something is to be done")
	}
	// Test events find out what looking does not: this world has no standard output.
	w.submit(operator, "/admin/doctor", "objects", object, "events", "send").want(t, http.StatusOK, "✗ Something does not work", "it has accepted a test event", "there is no standard output", "1 failed")

	if err := server.Simulator.ExpireToken(local.MetaAccountID, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	a = w.submit(operator, "/admin/doctor", "objects", object)
	a.want(t, http.StatusOK, "✗ Something does not work", "What to do", "Session has expired", "Make a new token", "the token may not ask", "1 failed")
	text := html.UnescapeString(a.body)
	if command := "ferry account link --account " + local.AccountID + " --waba-id " + local.MetaAccountID + " --meta-token-file FILE"; !strings.Contains(text, `data-copy="`+command+`"`) {
		t.Errorf("%s cannot be copied", command)
	}
	for _, secret := range []string{server.SecretAccessKey.Reveal(), server.MetaToken.Reveal(), "Signature="} {
		if strings.Contains(text, secret) {
			t.Error("the page has a secret")
		}
	}
	if err := server.Simulator.ExpireToken(local.MetaAccountID, time.Time{}); err != nil {
		t.Fatal(err)
	}
	w.submit(operator, "/admin/doctor", "objects", object).want(t, http.StatusOK, "✓ All is well")

	w.submit(operator, "/admin/doctor", "objects", "media").want(t, http.StatusBadRequest, "expected s3://BUCKET/KEY", "Examine this server")
	w.get("/admin/audit", "Cookie", operator).want(t, http.StatusOK, "ExamineServer", "1 failed")
}
