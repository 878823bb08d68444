package social

import "slices"

// Actions returns the actions that policies may allow, sorted: those of the API's
// operations, of ferry's own, and of the other services whose actions the API checks.
func Actions() []string {
	actions := []string{"s3:GetObject", "s3:PutObject", "iam:PassRole", "kms:GetPublicKey", "sns:Publish"}
	for _, h := range handlers {
		actions = append(actions, "social-messaging:"+h.name)
	}
	for _, h := range ownHandlers {
		actions = append(actions, "ferry:"+h.name)
	}
	actions = append(actions, "ferry:"+streamHandler.name)
	slices.Sort(actions)
	return actions
}
