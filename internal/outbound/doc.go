// Package outbound is the one way in which this server speaks to addresses that its
// users chose: over HTTPS, to the internet, and never to what lies inside of the
// operator's network (server-side request forgery).
//
// Packages that deliver to receivers import it; it imports nothing of ours. It promises
// that the address is checked when it is connected to, that redirects are not followed,
// and that no error of it names the address.
package outbound
