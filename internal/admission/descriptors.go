package admission

// reservedDescriptors are for what is open besides connections: the database,
// the log, standard input and output, the listeners, and what the runtime needs.
const reservedDescriptors = 64

// Descriptors says how the file descriptors of the process are divided.
type Descriptors struct {
	Limit    int // of the process; 0 means that it is not known, or that there is none
	Incoming int // connections from clients
	Outgoing int // connections to stores and to WhatsApp
}

// Divide returns how many connections the file descriptors of the process allow
// in each direction, if as many clients as wanted are to be admitted: what is not
// reserved is divided in halves, and outgoing connections have what clients do
// not use. Without a known limit both are as wanted.
func Divide(wanted, outgoing int) Descriptors {
	return divide(descriptorLimit(), wanted, outgoing)
}

func divide(limit, wanted, outgoing int) Descriptors {
	d := Descriptors{Limit: limit, Incoming: wanted, Outgoing: outgoing}
	if limit <= 0 {
		return d
	}
	free := max(2, limit-reservedDescriptors)
	d.Incoming = min(wanted, max(free/2, free-outgoing))
	d.Outgoing = min(outgoing, free-d.Incoming)
	return d
}

// Needed returns how many file descriptors a process needs for as many connections as wanted
// in each direction.
func Needed(incoming, outgoing int) int { return incoming + outgoing + reservedDescriptors }
