package why

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// advices are what to do about Meta's codes (docs/references.md#graph-errors).
var advices = map[int]string{
	131026: "The recipient has no WhatsApp, has blocked the number, or has not accepted WhatsApp's terms. WhatsApp does not say which; reach the person in another way.",
	131030: "The recipient is not on the list of test numbers. Add the number in Meta's dashboard, or use a real business number.",
	131047: "The person has not written within 24 hours. Send a template, which may be sent at any time: ferry send --template NAME",
	131049: "Meta limits marketing messages to this person. Do not send it again at once; try it another day.",
	131050: "The person has stopped marketing messages from this business. Do not send more of them.",
	131051: "Meta does not support this type of message. Use another one.",
	131052: "Meta could not read the file of the message. Upload it, and send it by its media id: ferry media post SOURCE",
	131053: "Meta could not use the file. Check it, and mend what is found: ferry media lint FILE",
	131056: "Too many messages to the same person. Wait, and send it again.",
	132001: "The template does not exist in this language. List those that do: ferry template list",
	132015: "The template is paused because of its quality. Edit it, or use another one: ferry template list",
	132016: "The template was paused too often and is disabled. Create another one: ferry template create",
	130429: "The phone number has reached Meta's limit of messages. They are retried by themselves.",
	130472: "The person is part of an experiment of Meta's and does not receive marketing templates.",
	190:    "Meta's token is not valid any more. Renew it: ferry account link --meta-token-file FILE",
}

// advice returns what to do about a code.
func advice(code int) string {
	if text, ok := advices[code]; ok {
		return text
	}
	if code == 0 {
		return "The text says what has failed. Send the message again when that is mended."
	}
	return "Meta explains the code " + strconv.Itoa(code) + " at https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes"
}

// isMediaCode reports whether a code is about the file of a message.
func isMediaCode(code int) bool { return code == 131052 || code == 131053 }

// digitsOf returns the number with which a text begins; 0 means none.
func digitsOf(text string) int {
	end := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(text)
	}
	number, _ := strconv.Atoi(text[:end])
	return number
}

// MetaCodes returns Meta's codes that there is advice about.
func MetaCodes() []int { return slices.Collect(maps.Keys(advices)) }
