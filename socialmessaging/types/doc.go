// Package types holds the nested structures, the enumerations and the
// exceptions of package socialmessaging, under the names that they have in
// aws-sdk-go-v2/service/socialmessaging/types.
//
// A nil pointer, slice or map, and an empty enumeration, is a member that is
// not sent. The tags of a field are its name on the wire, whether it is
// required, and its named type, whose constraints package socialmessaging
// declares.
package types
