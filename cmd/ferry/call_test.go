package main

import (
	"strings"
	"testing"

	"ferry/socialmessaging"
)

func TestTheInputOfACallMayBeAsLargeAsAnyOperationAllows(t *testing.T) {
	for _, operation := range socialmessaging.Operations {
		if operation.MaxBody() > maxInput {
			t.Errorf("%s accepts %d bytes, ferry call only %d", operation.Name, operation.MaxBody(), maxInput)
		}
	}
}

func TestAnUnknownOperationIsAnsweredWithTheNearestName(t *testing.T) {
	for _, row := range []struct{ name, nearest string }{
		{"PostWhatsAppMessageMedia2", "PostWhatsAppMessageMedia"},
		{"postwhatsappmessagemedia", "PostWhatsAppMessageMedia"},
		{"delete-whatsapp-message-media", "DeleteWhatsAppMessageMedia"},
		{"SendMessage", "SendWhatsAppMessage"},
		{"Foo", ""},
		{"", ""},
	} {
		first, list, _ := strings.Cut(unknownOperation(row.name).Error(), "\n")
		_, nearest, _ := strings.Cut(first, ", did you mean ")
		if strings.Trim(nearest, `"?`) != row.nearest {
			t.Errorf("%q: %s", row.name, first)
		}
		if lines := strings.Count(list, "\n"); lines != len(socialmessaging.Operations) {
			t.Errorf("%q: the list has %d names, want %d", row.name, lines, len(socialmessaging.Operations))
		}
	}
}
