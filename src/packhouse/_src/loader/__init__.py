"""Which sample comes when: order, sharding, state, splits; arithmetic, without files or clocks."""
