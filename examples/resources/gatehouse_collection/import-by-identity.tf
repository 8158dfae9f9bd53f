import {
  to = gatehouse_collection.best_of
  identity = {
    workspace = "example"
    key       = "/campaigns/best-of"
  }
}
