"""What Kompas reaches, measured beside the limits of the machine in the same run."""
