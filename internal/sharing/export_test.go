package sharing

// HoldHashing takes every place in which passwords are hashed, so that whoever comes to
// one waits, until what it answers is called.
func HoldHashing() (release func()) {
	for range cap(hashing) {
		hashing <- struct{}{}
	}
	return func() {
		for range cap(hashing) {
			<-hashing
		}
	}
}
