//! Contract of the user service.
