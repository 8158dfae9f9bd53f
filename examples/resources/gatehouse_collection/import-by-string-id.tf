import {
  to = gatehouse_collection.best_of
  id = "example//campaigns/best-of"
}
