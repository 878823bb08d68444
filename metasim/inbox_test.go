package metasim

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestMessagesOfAPersonAreKeptWithWhatTheBusinessDoesAboutThem(t *testing.T) {
	dir := t.TempDir()
	s, _ := startOn(t, dir)
	receive := func(in Inbound) Received {
		received, err := s.Receive(phone1, in)
		if err != nil {
			t.Fatal(err)
		}
		return received
	}
	first := receive(Inbound{From: "16505551234", Text: &InboundText{Body: "Where is it?"}})
	s.manual.advance(time.Second)
	picture := receive(Inbound{From: "16505551234", Type: "image", Context: &InboundContext{ID: first.ID}})
	receive(Inbound{From: "16505559999", Type: "text"})
	changed := s.Changed()
	if a := s.message(`{"messaging_product":"whatsapp","status":"read","message_id":"` + first.ID + `","typing_indicator":{"type":"text"}}`); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	<-changed // closed by the request

	s, log := s.restart(dir, 0)
	written := s.Written(phone1, "16505551234")
	if len(written) != 2 || !strings.Contains(string(written[0].Content), "Where is it?") || written[0].Read.IsZero() || !written[0].TypingUntil.After(written[0].Read) {
		t.Fatalf("%+v\n%s", written, log)
	}
	if written[1].ID != picture.ID || written[1].MediaID == "" || written[1].ContextID != first.ID || !written[1].Read.IsZero() {
		t.Errorf("%+v", written[1])
	}
	if all := s.Written(phone1, ""); len(all) != 3 {
		t.Errorf("%d messages of all people, want 3", len(all))
	}
	content, err := s.OpenMedia(picture.MediaID)
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := io.ReadAll(content)
	_ = content.Close()
	if files := s.MediaFiles(10); err != nil || len(files) != 1 || files[0].Size != int64(len(bytes)) {
		t.Errorf("%v %v: %d bytes", err, files, len(bytes))
	}
	s.Reset()
	if left := s.Written(phone1, ""); len(left) != 0 {
		t.Errorf("after a reset: %+v", left)
	}
	if _, err := s.OpenMedia(picture.MediaID); err != ErrNotStored {
		t.Errorf("after a reset: %v", err)
	}
}

func TestOldestMessagesOfPeopleAreForgotten(t *testing.T) {
	s := startSim(t)
	for range maxWritten + 2 {
		s.remember(Received{ID: s.newMessageID("16505551234", true), PhoneNumberID: phone1, Person: Person{WAID: "16505551234"}, Type: "text"}, inboundMessage{})
	}
	if list := s.Written(phone1, ""); len(list) != maxWritten {
		t.Errorf("%d messages are kept, want %d", len(list), maxWritten)
	}
}
