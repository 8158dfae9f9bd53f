package notice

// Public is public, for the table of addresses.
var Public = public
