// Package inquiry answers the questions about access beside check: who can use a
// permission on an item, which items a principal can use, and who gains and who
// loses by a set of changes.
//
// Doors import it; it imports the object pipeline and the decision. It promises that
// every answer is decided by the engine, so that all of them agree with check; that
// SQL only narrows who and what is asked about; and that every answer is bounded and
// says where it was cut short.
package inquiry
