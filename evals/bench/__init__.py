"""Speed of geobrief beside what the machine allows."""
