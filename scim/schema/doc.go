// Package schema describes what the SCIM server serves: the attributes of User,
// EnterpriseUser and Group (RFC 7643 §4, §8.7) with their characteristics.
// The tables drive input normalisation, PATCH, filters, projection and the
// /Schemas endpoint, so that what is advertised is what happens.
// It is a leaf; filter, patch and scim import it.
package schema
